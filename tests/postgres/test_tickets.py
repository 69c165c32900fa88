"""What the tickets promise they promise over PostgreSQL too: the same tests."""

from tests.devserver.queueing.test_tickets import *  # noqa: F403 - every test of them
