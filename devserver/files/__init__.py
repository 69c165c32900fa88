"""The run folders and what was uploaded; the one room that hands out paths."""
