"""A view: its route, its signature, what it returns, its description, its thread."""
