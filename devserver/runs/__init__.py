"""A run as a whole: accept, dispatch, finish, answer, rerun, rebuild."""
