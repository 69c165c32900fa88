"""One run as one sound: which pieces are heard, in which order, and what comes in the place of missing ones."""

from __future__ import annotations

import asyncio

from devserver.files import pieces
from devserver.model.failure import Failure
from devserver.playback.stream import Streams
from tests.devserver.plans import AT, RUN_ID
from tests.devserver.playback.sounding import Run, heard, tones
from tests.patience import PATIENCE_S


async def test_pieces_are_heard_by_their_numbers_whatever_order_they_came_in(run: Run, streams: Streams) -> None:
    for index in (1, 0, 2):
        run.piece(index)
    run.end()
    assert await heard(streams) == [0, 1, 2]


async def test_who_comes_to_a_second_attempt_hears_nothing_of_the_first(run: Run, streams: Streams) -> None:
    run.piece(0, pitch=10)
    run.end("lost")
    run.begin(2)
    run.piece(0)
    run.piece(1)
    run.end()
    assert await heard(streams) == [0, 1]


async def test_who_hears_a_lost_attempt_goes_on_with_the_next_one(run: Run, streams: Streams) -> None:
    run.piece(0, pitch=10)
    run.piece(2, pitch=12)  # its piece 1 is missing: this one is never heard
    with streams.listen(RUN_ID, "webm") as recording:
        chunks = recording.chunks()
        content = await anext(chunks)
        run.end("lost")
        run.begin(2)
        for index in range(3):
            run.piece(index)
        run.end()
        async with asyncio.timeout(PATIENCE_S):
            content += b"".join([chunk async for chunk in chunks])
    assert tones(content) == [10, 1, 2]


async def test_what_the_pieces_lack_is_taken_from_the_file(run: Run, streams: Streams) -> None:
    run.piece(0)
    run.piece(2)
    run.whole(5, 6, 7)
    run.end()
    assert await heard(streams) == [0, 6, 7]


async def test_an_ended_run_is_heard_from_its_file(run: Run, streams: Streams) -> None:
    run.piece(0)
    run.whole(5, 6)
    run.end()
    run.journal.end_run(run.place, "success", AT, None)
    pieces.clear(run.exports, RUN_ID)
    await streams.wait_for(RUN_ID)
    assert await heard(streams) == [5, 6]


async def test_a_run_that_fails_ends_its_stream(run: Run, streams: Streams) -> None:
    run.piece(0)
    run.end("failed")
    with streams.listen(RUN_ID, "webm") as recording:
        chunks = recording.chunks()
        content = await anext(chunks)
        run.journal.end_run(run.place, "failed", AT, Failure(code="x"))
        async with asyncio.timeout(PATIENCE_S):
            content += b"".join([chunk async for chunk in chunks])
    assert tones(content) == [0]


async def test_a_piece_that_cannot_be_read_is_left_to_the_file(run: Run, streams: Streams) -> None:
    run.piece(0)
    run.piece(1)
    (run.folder / "generation_1_1" / "00001.wav").write_bytes(b"no sound")
    run.whole(5, 6)
    run.end()
    assert await heard(streams) == [0, 6]


async def test_everybody_who_listens_hears_all_of_it_and_it_is_encoded_once(run: Run, streams: Streams) -> None:
    run.piece(0)
    run.end()
    with streams.listen(RUN_ID, "webm") as first, streams.listen(RUN_ID, "webm") as second:
        assert first is second
        async with asyncio.timeout(PATIENCE_S):
            one = b"".join([chunk async for chunk in first.chunks()])
            assert one == b"".join([chunk async for chunk in second.chunks()]) != b""
