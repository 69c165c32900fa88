"""Streams on a journal that the test writes itself: what is heard, in which order, and when pieces go."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.model.events import Piece
from devserver.model.failure import Failure
from devserver.model.rows import Place
from devserver.playback import pieces
from devserver.playback.stream import Streams
from tests.devserver.plans import AT, RUN_ID, plan
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.entities import make_entity
from tests.doubles.piece_nodes import PIECE_SECONDS, RATE_HZ, tone, write_wav
from tests.patience import PATIENCE_S


class Run:
    """A run of one take that sends pieces; each is a second of a tone of its own."""

    def __init__(self, journal: JournalAtOnce, exports: Exports, made: str, attempt: int = 1) -> None:
        self.journal, self.exports = journal, exports
        journal.add_run(RUN_ID, user_id="local", title="x", schema="plain", output_config="o", plan=made, created_at=AT)
        generation = journal.begin_run(RUN_ID).generation
        exports.folder(RUN_ID).mkdir()
        self.place = Place(RUN_ID, generation, "generation", 1, attempt)
        self.begin()

    def begin(self, attempt: int = 1) -> None:
        self.place = replace(self.place, attempt=attempt)
        self.journal.begin_attempt(self.place, backend="studio")

    def piece(self, index: int, pitch: int | None = None) -> None:
        name = pieces.name_of(self.place, index, "wav")
        path = self.exports.folder(RUN_ID) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, tone(index if pitch is None else pitch))
        self.journal.add_event(self.place, Piece(index=index, file=name), key=str(index))

    def whole(self, *pitches: int) -> None:
        write_wav(self.exports.folder(RUN_ID) / "07_output_audio.wav", np.concatenate([tone(n) for n in pitches]))
        entity = make_entity("07_output_audio.wav", facts={"seconds": len(pitches) * PIECE_SECONDS})
        self.journal.add_event(self.place, entity, key=entity.filename)

    def end(self, state: Any = "success") -> None:
        self.journal.end(self.place, state)

    @property
    def folder(self) -> Path:
        return self.exports.folder(RUN_ID) / pieces.FOLDER


@pytest.fixture
def run(journal: JournalAtOnce, exports: Exports, database: Database, definitions: Definitions) -> Run:
    return Run(journal, exports, plan(definitions, exports, database).model_dump_json(by_alias=True))


@pytest.fixture
def streams(journal: JournalAtOnce, bus: Bus, exports: Exports) -> Iterator[Streams]:
    made = Streams(journal.journal, bus, exports)
    yield made
    made.close()


async def heard(streams: Streams, form: str = "webm") -> list[int]:
    """Which tones are heard, by the numbers that `tone` takes."""
    with streams.listen(RUN_ID, form) as recording:
        async with asyncio.timeout(PATIENCE_S):
            content = b"".join([chunk async for chunk in recording.chunks()])
    return tones(content)


def tones(content: bytes) -> list[int]:
    import av

    with av.open(io.BytesIO(content), "r") as container:
        to_mono = av.AudioResampler("fltp", "mono", RATE_HZ)
        sound = np.concatenate([b.to_ndarray()[0] for f in container.decode(audio=0) for b in to_mono.resample(f)])
    found = []
    for second in range(round(len(sound) / RATE_HZ)):
        middle = sound[int((second + 0.25) * RATE_HZ) : int((second + 0.75) * RATE_HZ)]
        found.append(round((np.abs(np.fft.rfft(middle)).argmax() * 2 - 300) / 100))
    return found


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


async def test_pieces_stay_as_long_as_somebody_encodes_them(run: Run, streams: Streams) -> None:
    run.piece(0)
    with streams.listen(RUN_ID, "mp3") as recording:
        chunks = recording.chunks()
        await anext(chunks)
        await streams.settle(RUN_ID)
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
    await streams.settle(RUN_ID)
    assert not run.folder.exists()
    run.piece(1)
    run.journal.end_run(run.place, "success", AT, None)
    await streams.clear_ended()
    assert not run.folder.exists()


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


def test_only_names_of_pieces_are_paths(exports: Exports) -> None:
    for name in ("../07.wav", ".partials/x/../../07.wav", ".partials/x/1.wav", ".partials/x/00001.mp3"):
        with pytest.raises(ValueError, match="no piece"):
            pieces.path_of(exports, RUN_ID, name)
