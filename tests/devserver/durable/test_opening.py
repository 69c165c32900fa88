from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from devserver.durable.opening import open_database
from devserver.errors import DatabaseGone


def test_a_path_is_a_database_for_one_process(tmp_path: Path) -> None:
    opened = open_database(tmp_path / "journal.sqlite")
    assert (opened.shared, opened.name) == (False, str(tmp_path / "journal.sqlite"))
    opened.close()


def test_without_psycopg_the_setting_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "devserver.durable.postgres", None)
    with pytest.raises(DatabaseGone, match=re.escape("pip install 'psycopg[binary]'")):
        open_database("postgresql://127.0.0.1/none")
