"""What is asked of other programs over HTTP: their addresses, and answers within limits."""
