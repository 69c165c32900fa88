"""Extensions from installed packages, by entry point."""
