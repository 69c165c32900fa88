"""Everything that survives a kill: the journal, its database, leases on runs."""
