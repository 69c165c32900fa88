"""Where the backends are, whether they work, what they have, and which one makes an output."""
