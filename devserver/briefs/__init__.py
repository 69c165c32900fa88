"""Read a brief for the music from a text: from its words and, on request, with a language model."""
