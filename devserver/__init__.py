"""Runs: what walks a pipeline, and what a run leaves behind."""
