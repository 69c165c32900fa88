"""What is learned of durations is learned over PostgreSQL too: the same tests."""

from tests.devserver.queueing.test_eta import *  # noqa: F403 - every test of them
