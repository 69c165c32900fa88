"""The server's addresses: path prefix, public URLs, trusted proxies."""
