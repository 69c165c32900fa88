"""What is found, and in which order, is the same over PostgreSQL: the same tests."""

from tests.devserver.durable.test_search import *  # noqa: F403 - every test of them
