"""Passes what this process wrote into the journal on to metrics, log and traces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from devserver.durable.journal import Journal
from devserver.durable.search import RunLine
from devserver.durable.writing import Written
from devserver.model.events import Event
from devserver.model.rows import PartRow

About = PartRow | RunLine | None


class Watcher(Protocol):
    def hear(self, event: Event, row: About) -> None:
        """Hear of an event once it is in the journal.

        `row` is what the journal has of the stage, attempt or run that has ended, and of the attempt before the one
        that has started.
        """


def watch(journal: Journal, watchers: Sequence[Watcher]) -> None:
    """Hand what the journal writes on to the watchers, in the order of the commits.

    Every process hears what it has written itself and nothing else, so that sums over processes count nothing twice.
    """
    journal.hearers += [partial(_hand_on, watcher) for watcher in watchers]


def _hand_on(watcher: Watcher, written: Written) -> None:
    watcher.hear(written.event, written.row)
