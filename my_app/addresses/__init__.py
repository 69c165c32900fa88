"""Where the server is reached: below which path, at which public address, through which proxies."""
