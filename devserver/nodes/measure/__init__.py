"""Measure finished sound, from its samples alone. Plain numpy; the nodes are one folder up."""
