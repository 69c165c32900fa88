"""Which file of a run is served, what is drawn of it, and its sound while it is made."""
