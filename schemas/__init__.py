"""Definitions as data, and the code that reads, checks and compiles them."""
