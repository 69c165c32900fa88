"""Streams on a journal that the test writes itself: what is heard, in which order, and when pieces go."""

from __future__ import annotations

import asyncio

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.playback.stream import Streams
from tests.devserver.plans import AT, RUN_ID, plan
from tests.devserver.playback.sounding import Run
from tests.doubles.at_once import JournalAtOnce
from tests.patience import PATIENCE_S


async def test_pieces_stay_as_long_as_somebody_encodes_them(run: Run, streams: Streams) -> None:
    run.piece(0)
    with streams.listen(RUN_ID, "mp3") as recording:
        chunks = recording.chunks()
        await anext(chunks)
        await streams.delete_pieces(RUN_ID)
        assert run.folder.exists()
        run.piece(1)
        run.end()
        async with asyncio.timeout(PATIENCE_S):
            await anext(chunks)
            _ = [chunk async for chunk in chunks]
            while run.folder.exists():  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.01)  # the work is done on a thread of its own


async def test_pieces_without_listeners_go_at_once_and_those_of_a_dead_server_at_the_next_start(
    run: Run, streams: Streams
) -> None:
    run.piece(0)
    await streams.clear_ended()
    assert run.folder.exists()  # the run goes on
    await streams.delete_pieces(RUN_ID)
    assert not run.folder.exists()
    run.piece(1)
    run.journal.end_run(run.place, "success", AT, None)
    await streams.clear_ended()
    assert not run.folder.exists()


async def test_waiting_ends_where_the_run_ends_without_a_piece(run: Run, streams: Streams) -> None:
    waiting = asyncio.create_task(streams.wait_for(RUN_ID))
    await asyncio.sleep(0)
    run.end()
    run.journal.end_run(run.place, "success", AT, None)
    with pytest.raises(InputError) as caught:
        await waiting
    assert (caught.value.status, caught.value.code) == (409, "not_streamable")


async def test_a_run_that_makes_no_sound_is_told_at_once(
    journal: JournalAtOnce, exports: Exports, database: Database, definitions: Definitions, streams: Streams
) -> None:
    made = plan(definitions, exports, database, pipeline="text_only").model_dump_json(by_alias=True)
    Run(journal, exports, made)
    with pytest.raises(InputError, match="no sound"):
        await streams.wait_for(RUN_ID)
