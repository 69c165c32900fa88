"""The definitions in force, and how people add to them: written by hand or imported from a graph."""
