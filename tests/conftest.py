"""The order of the files; Chromium and nginx, or a skip that says how to get them; no skip for TONEWRIGHT_NO_SKIPS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from _pytest.terminal import TerminalReporter

from tests.doubles.nginx import NO_NGINX, program
from tests.doubles.postgres import NO_POSTGRES, Postgres, programs

# The contract's checks are plain functions in modules of their own; their asserts shall explain themselves too.
pytest.register_assert_rewrite("tests.contract")

# Files whose tests start servers take the longest. They are begun first, so that no worker waits for one at the end.
FIRST: Final = ("kept", "acceptance", "faults", "postgres", "cli", "my_app")

NO_CHROMIUM = "needs Debian's chromium: apt-get install chromium"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turns = {Path(__file__).with_name(folder): turn for turn, folder in enumerate(FIRST)}
    items.sort(key=lambda item: min((turns[each] for each in item.path.parents if each in turns), default=len(FIRST)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("chromium") and shutil.which("chromium") is None:
        pytest.skip(NO_CHROMIUM)
    if item.get_closest_marker("nginx") and program() is None:
        pytest.skip(NO_NGINX)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a session that skipped something, for machines on which everything can run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("TONEWRIGHT_NO_SKIPS") or not isinstance(reporter, TerminalReporter):
        return
    skipped = reporter.getreports("skipped")
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"\n{len(skipped)} skipped where nothing may be skipped (TONEWRIGHT_NO_SKIPS)", red=True)
        for report in skipped:
            reporter.write_line(f"  {report.nodeid}: {report.longrepr[2] if report.longrepr else ''}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests; where there is none they are skipped, and the reason says how to get it."""
    if programs() is None:
        pytest.skip(NO_POSTGRES)
    with Postgres() as running:
        yield running
