"""The files of a run as they are served, drawings of its sounds, and its sound while it is made."""
