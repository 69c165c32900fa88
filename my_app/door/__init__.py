"""Who comes in: connections, hosts and origins, keys and sessions, and how many at once."""
