"""Graphs of other people: read and made into definitions in a process that can be ended."""
