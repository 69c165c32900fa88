"""The backends: their addresses, their health, their nodes and models."""
