from __future__ import annotations

import pytest

from devserver.durable.opening import open_database
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from tests.devserver.durable.sent import ADD, add, files
from tests.doubles.postgres import Postgres


async def test_a_restarted_server_is_connected_to_again_and_what_was_open_is_told(postgres: Postgres) -> None:
    database = open_database(postgres.new_database())
    await add(database, "a")
    assert await files(database) == ["a"]

    def break_off(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "half"))
        postgres.stop()
        tx.execute(ADD, ("gpu", "rest"))

    try:
        with pytest.raises(DatabaseGone, match=r"The database postgresql://127.0.0.1:\d+/test_\d+ does not answer: "):
            await database.write(break_off)
        with pytest.raises(DatabaseGone):
            await add(database, "b")
        with pytest.raises(DatabaseGone):
            await files(database)
    finally:
        postgres.start()
    assert await files(database) == ["a"]
    await add(database, "c")
    assert await files(database) == ["a", "c"]
    database.close()


def test_nothing_that_is_said_of_a_database_has_its_password() -> None:
    with pytest.raises(DatabaseGone) as told:
        open_database("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(told.value)
    with pytest.raises(DatabaseGone, match="is no address that PostgreSQL reads"):
        open_database("postgresql://me:secret@[/none")
