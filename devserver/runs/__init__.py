"""What is done with a run as a whole: prepare, dispatch, finish, answer, rerun, rebuild."""
