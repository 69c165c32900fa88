"""Definitions as data, and what reads, checks and compiles them."""
