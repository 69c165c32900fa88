"""Letting requests in: connections, hosts and origins, keys and sessions, limits."""
