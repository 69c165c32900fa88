from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.durable.search import RunLine
from devserver.model.events import Event
from devserver.model.rows import AttemptRow, StageRow
from devserver.watching.listening import About, watch
from tests.devserver.plans import AT, add_run
from tests.doubles.at_once import JournalAtOnce


class Watcher:
    """Keeps what it hears, and fails at one kind of event."""

    def __init__(self, fails_at: str = "") -> None:
        self.heard, self._fails_at = list[tuple[str, type[object]]](), fails_at

    def hear(self, event: Event, row: About) -> None:
        if event.kind == self._fails_at:
            raise ZeroDivisionError
        self.heard.append((event.kind, type(row)))


def walk(journal: JournalAtOnce) -> None:
    """A run of one stage, whose take needed two attempts."""
    run = add_run(journal)
    stage = replace(run, stage="generation")
    journal.begin_stage(stage)
    for attempt in (1, 2):
        journal.begin_attempt(replace(stage, take=1, attempt=attempt))
    journal.end(stage, "success")
    journal.end_run(run, "success", AT, None)


NONE = type(None)
HEARD = [
    ("run.queued", NONE),
    ("run.started", NONE),
    ("stage.started", NONE),
    ("attempt.started", NONE),
    ("attempt.started", AttemptRow),  # the one before, of which it is known now that it was not the last
    ("stage.ended", StageRow),
    ("run.ended", RunLine),
]


def test_a_watcher_hears_each_event_once_with_the_row_that_it_is_about(journal: JournalAtOnce) -> None:
    watcher = Watcher()
    watch(journal.journal, [watcher])
    walk(journal)
    assert watcher.heard == HEARD


def test_a_watcher_that_fails_keeps_nothing_from_the_others(
    journal: JournalAtOnce, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = Watcher("stage.ended"), Watcher()
    watch(journal.journal, [failing, other])
    walk(journal)
    assert other.heard == HEARD
    assert failing.heard == [one for one in HEARD if one[0] != "stage.ended"]
    assert "stage.ended" in caplog.text
