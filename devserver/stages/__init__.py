"""The kinds of stage."""
