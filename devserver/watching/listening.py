"""Who watches the runs: metrics, log lines and traces hear from here what this process has written into the journal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from devserver.durable.journal import Journal
from devserver.durable.search import RunLine
from devserver.runs.events import AttemptEnded, AttemptStarted, Event, RunEnded, StageEnded
from devserver.runs.rows import PartRow, Place

log = logging.getLogger(__name__)

Row = PartRow | RunLine | None


class Watcher(Protocol):
    def hear(self, event: Event, row: Row) -> None:
        """Hear of an event once it is in the journal.

        `row` is what the journal has of the stage, attempt or run that has ended, and of the attempt before the one
        that has started.
        """


class Watching:
    """Hears what the journal writes and hands it on, with the row that it is about.

    Every process hears what it has written itself and nothing else, so that sums over processes count nothing twice.
    """

    def __init__(self, journal: Journal, watchers: Sequence[Watcher]) -> None:
        self._journal, self._watchers = journal, watchers
        journal.hearers.append(self._hear)

    def _hear(self, event: Event) -> None:
        try:
            row = self._row(event)
            for watcher in self._watchers:
                watcher.hear(event, row)
        except Exception:  # whoever watches must not end what he watches
            log.exception("the event %s of %s was not counted", event.kind, event.run_id)

    def _row(self, event: Event) -> Row:
        if event.run_id is None:
            return None
        if isinstance(event.data, RunEnded):
            return self._journal.database.now(lambda tx: self._journal.search.line(tx, str(event.run_id)))
        if isinstance(event.data, StageEnded | AttemptEnded):
            return self._journal.stage(Place(event.run_id, 0, event.stage, event.take, event.attempt))
        if isinstance(event.data, AttemptStarted) and event.attempt > 1:
            return self._journal.stage(Place(event.run_id, 0, event.stage, event.take, event.attempt - 1))
        return None
