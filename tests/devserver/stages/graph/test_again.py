"""How long a take waits before it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from devserver.app import App
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult
from devserver.model.rows import AttemptRow
from devserver.stages.graph.again import OUT_OF_MEMORY, decide_retry
from devserver.stages.graph.retries import Retries
from devserver.stages.walk import Walk, WalkSettings
from tests.patience import PATIENCE_S


@pytest.fixture
async def _changing(app: App) -> AsyncIterator[None]:
    """Backends that come and go all the time."""

    async def change() -> None:
        while True:
            app.pool._changed.set()
            app.pool._changed = asyncio.Event()
            await asyncio.sleep(0.01)

    changing = asyncio.create_task(change())
    yield
    changing.cancel()


def retrying(walk: Walk, retries: Retries) -> Walk:
    """The walk, where takes are tried again like this."""
    return replace(walk, tools=replace(walk.tools, settings=WalkSettings(retries=retries)))


async def last_attempt(walk: Walk, state: str, code: str) -> AttemptRow:
    """The row of the take's first attempt, which has just ended."""
    place = walk.place("generation", 1, 1)
    journal = walk.tools.journal
    await journal.write(lambda writing: writing.begin_attempt(place, backend="studio"))
    await journal.end(
        place, "failed" if state == "failed" else "lost", AttemptResult(error=Failure(code=code, message="it was lost"))
    )
    row = await journal.last_attempt(place)
    assert row is not None
    return row


@pytest.mark.usefixtures("_changing")
async def test_a_lost_attempt_is_tried_again_as_soon_as_a_backend_changes(walk: Walk) -> None:
    walk = retrying(walk, Retries(first_pause_s=10 * PATIENCE_S, longest_pause_s=10 * PATIENCE_S))
    again = await asyncio.wait_for(decide_retry(walk, await last_attempt(walk, "lost", "prompt_lost")), PATIENCE_S)
    assert (again.after, again.code) == (1, "prompt_lost")


@pytest.mark.usefixtures("_changing")
async def test_the_pause_after_freeing_memory_is_waited_for_in_full(walk: Walk) -> None:
    retries = Retries(first_pause_s=0.4)
    walk = retrying(walk, retries)
    again = await decide_retry(walk, await last_attempt(walk, "failed", OUT_OF_MEMORY))
    assert again.code == OUT_OF_MEMORY
    assert again.waited_s >= retries.pause_s(1, None)
