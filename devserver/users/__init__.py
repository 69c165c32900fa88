"""Who may ask this server."""
