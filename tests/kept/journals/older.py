"""Journals of earlier tables: the rows of a real one in a database that has only the tables up to a number."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from devserver.durable.postgres import EPOCH_NOW
from devserver.durable.tables import table_files
from tests.doubles.postgres import Postgres
from tests.kept.journals import archive
from tests.kept.journals.places import Place

LATER_COUNTERS: Final = ("unsearched",)  # which a later file puts in
NOT_COPIED: Final = frozenset({"applied_tables", "searched", "searched_words"})  # made again from the runs
Rows = dict[str, list[dict[str, Any]]]


def table_numbers(database: str) -> list[int]:
    """Return the numbers of the files that make the tables."""
    return [number for number, _ in table_files(database)]


def make_older(database: str, number: int, newest: int, postgres: Postgres) -> None:
    """Write an archive with the tables up to a number, of the rows of the archive with the newest ones."""
    with tempfile.TemporaryDirectory(prefix="tonewright-") as name:
        folder = Path(name)
        archive.unpack(f"{database}.tables_{newest}", folder)
        if database == "sqlite":
            _sqlite(folder / "exports" / ".state" / "journal.sqlite", number)
        else:
            with Place(folder, postgres) as place:
                _postgres(place, postgres, number)
        archive.pack(folder, f"{database}.tables_{number}")


def _sqlite(path: Path, number: int) -> None:
    with sqlite3.connect(path) as old:
        old.row_factory = sqlite3.Row
        names = [row["name"] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        copied = [name for name in names if name not in NOT_COPIED and not name.startswith(("searched", "sqlite_"))]
        rows = {name: [dict(row) for row in old.execute(f'SELECT * FROM "{name}"')] for name in _parents_first(copied)}
    old.close()
    for file in path.parent.glob("journal.sqlite*"):
        file.unlink()
    new = sqlite3.connect(path, isolation_level=None)
    new.execute("PRAGMA journal_mode=WAL")
    new.execute("CREATE TABLE applied_tables (number INTEGER PRIMARY KEY)")
    for own, file in table_files("sqlite"):
        if own <= number:
            new.executescript(file.read_text("utf8"))
            new.execute("INSERT INTO applied_tables (number) VALUES (?)", (own,))
    for table, found in rows.items():
        columns = [row[1] for row in new.execute(f'PRAGMA table_info("{table}")')]
        for row in found if columns else []:
            kept = {name: value for name, value in row.items() if name in columns}
            if table == "counters":
                _count_sqlite(new, kept)
                continue
            quoted, marks = ", ".join(f'"{name}"' for name in kept), ", ".join("?" * len(kept))
            new.execute(f'INSERT INTO "{table}" ({quoted}) VALUES ({marks})', tuple(kept.values()))
    _all_unsearched(new)
    new.close()


def _count_sqlite(new: sqlite3.Connection, row: dict[str, Any]) -> None:
    if row["name"] not in LATER_COUNTERS:
        new.execute("UPDATE counters SET value = ? WHERE name = ?", (row["value"], row["name"]))


def _all_unsearched(new: Any) -> None:
    """Say of every run that it is not read into the search yet, where there is one."""
    new.execute("UPDATE counters SET value = (SELECT count(*) FROM runs) WHERE name = 'unsearched'")


def _parents_first(tables: list[str]) -> list[str]:
    return sorted(tables, key=lambda name: (name != "runs", name))


def _postgres(place: Place, postgres: Postgres, number: int) -> None:
    place.restore()
    assert place.url is not None
    rows: Rows = {}
    with psycopg.connect(place.url, autocommit=True, row_factory=psycopg.rows.dict_row) as old:
        told = old.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").fetchall()
        for table in _parents_first([row["table_name"] for row in told if row["table_name"] not in NOT_COPIED]):
            rows[table] = old.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
    place.url = postgres.new_database()
    with psycopg.connect(place.url, autocommit=True) as new:
        new.execute(EPOCH_NOW)
        new.execute("CREATE TABLE applied_tables (number INTEGER PRIMARY KEY)")
        for own, file in table_files("postgres"):
            if own <= number:
                new.execute(file.read_bytes())
                new.execute("INSERT INTO applied_tables (number) VALUES (%s)", (own,))
        for table, found in rows.items():
            _copy(new, table, found)
        _all_unsearched(new)
    place.dump()


def _copy(new: psycopg.Connection[Any], table: str, found: list[dict[str, Any]]) -> None:
    told = new.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,)).fetchall()
    columns = {row[0] for row in told}
    for row in found if columns else []:
        kept = {name: value for name, value in row.items() if name in columns}
        if table == "counters":
            if row["name"] not in LATER_COUNTERS:
                new.execute("UPDATE counters SET value = %s WHERE name = %s", (row["value"], row["name"]))
            continue
        names, marks = list(map(sql.Identifier, kept)), sql.SQL(", ").join(sql.Placeholder() * len(kept))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
        new.execute(statement.format(sql.Identifier(table), sql.SQL(", ").join(names), marks), tuple(kept.values()))
