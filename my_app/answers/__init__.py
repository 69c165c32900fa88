"""Answers: errors in their one shape, the headers of all, packed where that helps."""
