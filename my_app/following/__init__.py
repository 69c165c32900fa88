"""Following a run: its events as they come, and its answer when it has ended."""
