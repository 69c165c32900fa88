"""Whose turn it is at a backend, how long what takes, and when a run will be done."""
