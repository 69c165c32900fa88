from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from devserver.durable import tables
from devserver.durable.opening import open_database
from devserver.durable.tables import statements, table_files
from devserver.errors import OldJournal
from tests.devserver.durable.sent import files


def test_a_semicolon_within_a_text_a_comment_or_a_trigger_ends_no_statement() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END;"
    script = f"INSERT INTO a VALUES (';'); -- no; end\nDELETE FROM a;{trigger}\n\n"
    found = [statement.strip() for statement in statements(script)]
    assert found == ["INSERT INTO a VALUES (';');", "-- no; end\nDELETE FROM a;", trigger]


async def test_each_file_of_tables_is_applied_once_and_in_order(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(tables.TABLES, folder)
    monkeypatch.setattr(tables, "TABLES", folder)
    open_database(where).close()
    (folder / "1001_second.sql").write_text("INSERT INTO sent_files VALUES ('gpu', 'second', 'x');", "utf8")
    (folder / "1000_first.sql").write_text(
        "DELETE FROM sent_files; INSERT INTO sent_files VALUES ('gpu', 'first', 'x')"
    )
    for kind in ("sqlite", "postgres"):
        (folder / f"1002_own.{kind}.sql").write_text(f"INSERT INTO sent_files VALUES ('gpu', '{kind}', 'x')")
    for _ in range(2):
        opened = open_database(where)
        found = await files(opened)
        opened.close()
    kind = "sqlite" if isinstance(where, Path) else "postgres"
    assert found == sorted(["first", "second", kind])


def test_a_file_of_tables_that_is_wrong_leaves_nothing_of_itself(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(tables.TABLES, folder)
    monkeypatch.setattr(tables, "TABLES", folder)
    (folder / "1000_wrong.sql").write_text("CREATE TABLE half (a INTEGER); CREATE TABLE half (a INTEGER);")
    with pytest.raises(Exception, match="half"):
        open_database(where)
    (folder / "1000_wrong.sql").write_text("CREATE TABLE half (a INTEGER);")
    open_database(where).close()


def test_numbers_of_files_are_taken_once_for_each_kind() -> None:
    for kind in ("sqlite", "postgres"):
        numbers = [number for number, _ in table_files(kind)]
        assert len(set(numbers)) == len(numbers)
    assert [n for n, _ in table_files("sqlite")] == [n for n, _ in table_files("postgres")]


async def test_a_journal_from_before_the_numbers_is_refused_with_what_to_do(where: Path | str) -> None:
    opened = open_database(where)
    await opened.write(lambda tx: tx.execute("DELETE FROM applied_tables"))
    opened.close()
    with pytest.raises(OldJournal, match="doctor --rebuild"):
        open_database(where)
