from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.shape_walk import Trace, measure, trace_statements
from devserver.durable import ledger

MOST_COMMITS = 7


async def test_a_run_is_seven_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", sqlite3.connect)  # to be put back
    monkeypatch.setattr(ledger, "WRITTEN_AFTER_S", 60.0)  # a slow machine must not split a moment in two
    trace = Trace()
    trace_statements(trace)
    await measure(tmp_path / "exports", trace)
    assert 0 < trace.figures()["commits"] <= MOST_COMMITS
