"""What is counted and looked up is so over PostgreSQL too: the same tests."""

from tests.devserver.watching.test_metrics import *  # noqa: F403 - every test of them
