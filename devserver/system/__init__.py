"""The machine below: its clock, and the kind of a file by its first bytes."""
