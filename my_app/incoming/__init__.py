"""Requests as they come in: who they say they are from, their bodies and forms."""
