"""Requests to other programs over HTTP: their addresses, and answers within limits."""
