"""What the idempotency keys promise they promise over PostgreSQL too: the same tests."""

from tests.devserver.durable.test_idempotency import *  # noqa: F403 - every test of them
