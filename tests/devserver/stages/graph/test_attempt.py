"""One attempt: what stands in the journal while a file of it is taken in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from devserver.stages.graph.attempt import _at_work
from devserver.stages.walk import Walk


async def test_a_file_that_was_not_taken_in_is_no_longer_at_work(walk: Walk) -> None:
    job: Any = SimpleNamespace(place=walk.place("generation", 1, 1))
    journal = walk.tools.journal
    await journal.write(lambda writing: writing.begin_attempt(job.place))
    marks = []

    async def note() -> None:
        row = await journal.stage(job.place)
        marks.append(row.at_work if row else "")

    async def take_in() -> None:
        async with _at_work(walk, job):
            await note()
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await take_in()
    await note()
    assert marks == [journal.stops.process, None]
