"""The users of this server: their keys, rights and sessions."""
