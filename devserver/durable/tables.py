"""The files that make the tables, and applying those that a database has not seen yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from devserver.durable.sql import Dialect, Transaction
from devserver.errors import OldJournal

TABLES: Final = Path(__file__).with_name("tables")


def table_files(dialect: str) -> list[tuple[int, Path]]:
    """List the files that make the tables: `N_name.sql` for every database, `N_name.sqlite.sql` for one kind of it."""
    own = (file for file in TABLES.glob("*.sql") if file.suffixes in ([".sql"], [f".{dialect}", ".sql"]))
    return sorted((int(file.name.partition("_")[0]), file) for file in own)


def make_tables(tx: Transaction, dialect: Dialect, name: str) -> None:
    """Apply the files that this database has not seen yet, in the order of their numbers.

    Raises:
        OldJournal: the database was made before the files were numbered.
    """
    for statement in dialect.before_tables:
        tx.execute(statement)
    tx.execute("CREATE TABLE IF NOT EXISTS applied_tables (number INTEGER PRIMARY KEY)")
    applied = {row["number"] for row in tx.rows("SELECT number FROM applied_tables")}
    if not applied and tx.rows(dialect.find_table, "runs"):
        raise OldJournal(name)
    for number, file in table_files(dialect.name):
        if number not in applied:
            for statement in statements(file.read_text("utf8")):
                tx.execute(statement)
            tx.execute("INSERT INTO applied_tables (number) VALUES ($1)", (number,))


def statements(script: str) -> Iterator[str]:
    """Split a script; a semicolon within a text, a comment or a trigger ends no statement."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            if statement.strip("; \n"):
                yield statement
            statement = ""
    if statement.strip("; \n"):
        yield statement
