"""Opening the database that the settings name."""

from __future__ import annotations

from pathlib import Path

from devserver.durable.database import Database
from devserver.errors import DatabaseGone


def open_database(where: Path | str) -> Database:
    """Open the database at a path (SQLite) or at a `postgresql://` address, with its tables as they are now.

    Raises:
        devserver.errors.OldJournal: it was written before its tables were numbered.
        devserver.errors.DatabaseGone: it does not answer, or the package that speaks with it is missing.
    """
    if isinstance(where, Path):
        from devserver.durable.sqlite import SqliteDatabase

        return SqliteDatabase(where)
    try:
        from devserver.durable.postgres import PostgresDatabase
    except ImportError as e:
        raise DatabaseGone("database_url names PostgreSQL; that needs psycopg: pip install 'psycopg[binary]'") from e
    return PostgresDatabase(where)
