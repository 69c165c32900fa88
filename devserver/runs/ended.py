"""Runs that this process has just ended: their answers need no second reading of the journal."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from devserver.model.rows import RunRow
from devserver.runs.answer import Answer, answer_of
from devserver.runs.record import Contents

KEPT: Final = 64


class Ended:
    """The journal's contents of the runs that ended last. On the loop."""

    def __init__(self) -> None:
        self._runs = OrderedDict[str, tuple[RunRow, Contents]]()

    def keep(self, row: RunRow, contents: Contents) -> None:
        """Keep a run's contents from its last record; its end is committed."""
        self._runs[row.run_id] = row, contents
        if len(self._runs) > KEPT:
            self._runs.popitem(last=False)

    def answer(self, run_id: str) -> Answer | None:
        """Return the answer of a run; None where it is not one of these."""
        kept = self._runs.get(run_id)
        return answer_of(*kept) if kept is not None else None
