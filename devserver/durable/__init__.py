"""What survives a kill: the journal, the database under it, and who may write into a run."""
