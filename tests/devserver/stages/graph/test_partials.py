"""Pieces of a sound: fetched while it is made, under names of ours, each told once it is here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from devserver.comfy.errors import UnsafePath
from devserver.comfy.messages import PieceMade
from devserver.files import pieces
from devserver.model.events import Piece
from devserver.stages.graph.job import Job
from devserver.stages.graph.partials import Partials, read_partial
from devserver.stages.walk import Walk
from tests.comfy import backend as scripted
from tests.devserver.plans import RUN_ID
from tests.doubles.piece_nodes import tone, write_wav
from tests.patience import PATIENCE_S


def told(index: Any, filename: str = "a.wav", **file: Any) -> PieceMade:
    return PieceMade(prompt_id="p", node="9", index=index, file={"filename": filename, "subfolder": "x", **file})


@pytest.fixture
def sounds(host: scripted.Backend, tmp_path: Path) -> scripted.Backend:
    """A backend that has two pieces, and a text in the place of a third."""
    for number, name in enumerate(("a.wav", "b.wav")):
        write_wav(tmp_path / name, tone(number))
        host.files[f"x/{name}"] = (tmp_path / name).read_bytes()
    host.files["x/text.wav"] = b"no sound at all"
    return host


async def listed(walk: Walk) -> list[tuple[int, str]]:
    events = await walk.read(lambda reading: reading.events(RUN_ID, "partial"))
    return [(event.data.index, event.data.file) for event in events if isinstance(event.data, Piece)]


async def test_pieces_are_here_when_the_block_ends_in_the_order_in_which_they_were_told(
    walk: Walk, job: Job, sounds: scripted.Backend
) -> None:
    async with Partials(walk, job) as partials:
        partials.hear(told(1, "b.wav"))
        partials.hear(told(0))
    folder = ".partials/generation_1_1"
    assert await listed(walk) == [(1, f"{folder}/00001.wav"), (0, f"{folder}/00000.wav")]
    path = pieces.path_of(walk.tools.exports, RUN_ID, f"{folder}/00001.wav")
    assert path.read_bytes() == sounds.files["x/b.wav"]


@pytest.mark.parametrize("piece", [told(0, "gone.wav"), told(0, "text.wav"), told(-1), told(0, "../../secret.wav")])
async def test_a_piece_that_cannot_be_had_is_a_warning_and_the_next_one_comes_all_the_same(
    walk: Walk, job: Job, sounds: scripted.Backend, piece: PieceMade
) -> None:
    del sounds
    async with Partials(walk, job) as partials:
        partials.hear(piece)
        partials.hear(told(1, "b.wav"))
    assert [index for index, _ in await listed(walk)] == [1]
    assert [one.code for one in await walk.read(lambda reading: reading.warnings(RUN_ID))] == ["partial_missing"]
    folder = walk.tools.exports.folder(RUN_ID) / ".partials" / "generation_1_1"
    assert [path.name for path in folder.iterdir()] == ["00001.wav"]


async def test_where_the_prompt_fails_nothing_more_is_fetched(walk: Walk, job: Job, sounds: scripted.Backend) -> None:
    async def fail() -> None:
        async with Partials(walk, job) as partials:
            partials.hear(told(0))
            raise ZeroDivisionError

    failing = asyncio.create_task(fail())
    done, _ = await asyncio.wait({failing}, timeout=PATIENCE_S)
    assert [type(one.exception()) for one in done] == [ZeroDivisionError]
    assert (await listed(walk), sounds.requests) == ([], [])


@pytest.mark.parametrize("index", [True, 1.0, "1", None, -1, pieces.LAST_INDEX + 1])
def test_a_number_that_is_no_place_in_a_sound_is_refused(index: object) -> None:
    with pytest.raises(ValueError, match=r"allowed is a whole number from 0 to 99999"):
        read_partial(told(index))


def test_a_piece_says_where_it_is_and_nothing_outside_of_the_backends_folder() -> None:
    index, file = read_partial(told(pieces.LAST_INDEX, type="output"))
    assert (index, file.node_id, file.filename, file.subfolder, file.type) == (99_999, "9", "a.wav", "x", "output")
    for wrong in ({"filename": 5}, {"filename": None}):
        with pytest.raises(ValueError, match="it names no file"):
            read_partial(told(0, **wrong))
    with pytest.raises(UnsafePath):
        read_partial(told(0, subfolder="../.."))
