"""Runs that wait for their turn and that nobody walks meanwhile: after a start most of a long queue is like that.

Their places are in the table of tickets. A run is woken when a take of it has its turn, when no backend that is up can
make it, so that it waits for one or falls back, and when somebody cancels it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from devserver.durable.database import Database

# Every take that is not finished has a ticket, none of them its turn, and nothing was submitted.
ASLEEP: Final = """SELECT runs.run_id, tickets.demand FROM runs JOIN tickets ON tickets.run_id = runs.run_id
    WHERE runs.state = 'running' AND runs.cancel = 0
    AND NOT EXISTS (SELECT 1 FROM tickets AS other WHERE other.run_id = runs.run_id AND other.held + other.rests > 0)
    AND NOT EXISTS (
        SELECT 1 FROM stages WHERE stages.run_id = runs.run_id AND stages.state = 'running' AND (
            stages.attempt > 0
            OR (stages.take > 0 AND NOT EXISTS (
                SELECT 1 FROM tickets AS own
                WHERE own.run_id = stages.run_id AND own.stage = stages.stage AND own.take = stages.take))
            OR (stages.take = 0 AND NOT EXISTS (
                SELECT 1 FROM stages AS takes
                WHERE takes.run_id = stages.run_id AND takes.stage = stages.stage AND takes.take > 0))))"""


class Asleep:
    """The runs that sleep, and what wakes them. On the loop.

    Args:
        wake: is called with the run_id of a run that sleeps no longer.
    """

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._waits_with: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._waits_with)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._waits_with

    async def fill(self, database: Database) -> None:
        """Let every run sleep that only waits for its turn."""
        for row in await database.read(lambda tx: tx.rows(ASLEEP)):
            self._waits_with.setdefault(row["run_id"], set()).add(row["demand"])

    def clear(self) -> None:
        self._waits_with.clear()

    def wake(self, run_id: str) -> None:
        """Wake one run, if it sleeps."""
        if self._waits_with.pop(run_id, None) is not None:
            self._wake(run_id)

    def look(self, has_turn: Collection[str], unmet: Collection[str]) -> None:
        """Wake the runs whose turn has come, and those with a demand that no backend meets."""
        if self._waits_with:
            for run_id in list(self._to_wake(has_turn, unmet)):
                self.wake(run_id)

    def _to_wake(self, has_turn: Collection[str], unmet: Collection[str]) -> Iterator[str]:
        yield from (run_id for run_id in has_turn if run_id in self._waits_with)
        if unmet:
            yield from (run_id for run_id, demands in self._waits_with.items() if demands & set(unmet))
