"""Every layout of the tables has a journal that this version is tried with."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.kept.journals import archive
from tests.kept.journals.older import table_numbers
from tests.kept.journals.places import DATABASES, DUMP

MOST_BYTES = 1_500_000
COPIED = re.compile(r"^COPY public\.applied_tables \(number\) FROM stdin;\n(.*?)^\\\.", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("database", DATABASES)
def test_each_number_of_the_tables_has_an_archive_with_them(database: str, tmp_path: Path) -> None:
    numbers = table_numbers(database)
    made = f"`python -m tests.kept.journals.make '{database}.tables_*'` makes it; tests/kept/journals/make.py says more"
    missing = [number for number in numbers if f"{database}.tables_{number}" not in archive.names()]
    assert not missing, f"no archive has the tables up to {missing}. {made}"
    for number in numbers:
        archive.unpack(f"{database}.tables_{number}", tmp_path / str(number))
        assert _applied(tmp_path / str(number), database) == [each for each in numbers if each <= number]


def _applied(folder: Path, database: str) -> list[int]:
    if database == "sqlite":
        with closing(sqlite3.connect(folder / "exports" / ".state" / "journal.sqlite")) as journal:
            return [number for (number,) in journal.execute("SELECT number FROM applied_tables ORDER BY number")]
    copied = COPIED.search((folder / DUMP).read_text())
    assert copied is not None
    return sorted(map(int, copied[1].split()))


def test_the_archives_stay_small() -> None:
    assert sum(path.stat().st_size for path in archive.FOLDER.iterdir()) < MOST_BYTES
