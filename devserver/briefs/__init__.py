"""What a text asks of the music, read from its words and, where asked, by a language model."""
