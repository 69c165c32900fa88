"""The table of sent files, the plainest one there is, for tests that write and read any rows."""

from __future__ import annotations

from typing import Final

from devserver.durable.database import Database
from devserver.durable.sql import Transaction

ADD: Final = "INSERT INTO sent_files (backend, file, name) VALUES ($1, $2, '50 %')"


async def add(database: Database, file: str) -> None:
    await database.write(lambda tx: tx.execute(ADD, ("gpu", file)))


async def files(database: Database) -> list[str]:
    return await database.read(listed)


def listed(tx: Transaction) -> list[str]:
    return [row["file"] for row in tx.rows("SELECT file FROM sent_files ORDER BY file")]
