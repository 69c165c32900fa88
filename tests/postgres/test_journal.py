"""What the journal promises, it promises over PostgreSQL too: the same tests."""

from tests.devserver.test_journal import *  # noqa: F403 - every test of it
