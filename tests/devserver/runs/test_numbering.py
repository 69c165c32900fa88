"""The number 07 goes to the first of the main stages that made a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.files.exports import Exports
from devserver.model.entity import Entity
from devserver.playback.served import pick
from devserver.runs.numbering import number_main
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.doubles.entities import make_entity

SOUNDS = {"07_output_audio.flac": b"master", "08_output_audio.flac": b"mix", "09_stem_bass.flac": b"bass"}


@pytest.fixture
def song(walk: Walk) -> Walk:
    """A walk of a pipeline with three stages, and `main: [master, mix]`."""
    (step,) = [one for one in walk.plan.steps if one[0].name == "generation"]
    more = tuple((step[0].model_copy(update={"name": name}),) for name in ("mix", "master"))
    plan = walk.plan.model_copy(update={"main": ("master", "mix"), "steps": (*walk.plan.steps, *more)})
    return replace(walk, plan=plan)


async def add(walk: Walk, exports: Exports, filename: str, **fields: object) -> None:
    (exports.folder(RUN_ID) / filename).write_bytes(SOUNDS[filename])
    made = make_entity(filename, number=int(filename[:2]), **fields)
    await walk.tools.journal.add_event(walk.place(made.stage, 1, 1), made, key=filename)


async def entities(walk: Walk) -> list[Entity]:
    return [one for one in await walk.read(lambda reading: reading.entities(RUN_ID)) if one.take]


def check(listed: list[Entity], exports: Exports) -> None:
    """Look at a run whose mix is what was made, and a voice of it."""
    assert [(one.number, one.filename) for one in listed] == [(7, "07_output_audio.flac"), (9, "09_stem_bass.flac")]
    assert pick(listed, "audio", None) == listed[0]
    assert (exports.folder(RUN_ID) / "07_output_audio.flac").read_bytes() == b"mix"
    assert not (exports.folder(RUN_ID) / "08_output_audio.flac").exists()


async def test_a_later_main_stage_has_it_where_the_first_one_made_nothing(song: Walk, exports: Exports) -> None:
    await add(song, exports, "08_output_audio.flac", stage="mix")
    await add(song, exports, "09_stem_bass.flac", stage="mix", role="stem")
    await number_main(song)
    check(await entities(song), exports)
    assert song.plan.main_made(await entities(song)) == "mix"
    await number_main(song)
    check(await entities(song), exports)


async def test_a_walk_that_was_killed_before_it_was_written_down_is_followed_by_one_that_does_it(
    song: Walk, exports: Exports
) -> None:
    await add(song, exports, "08_output_audio.flac", stage="mix")
    await add(song, exports, "09_stem_bass.flac", stage="mix", role="stem")
    (exports.folder(RUN_ID) / "08_output_audio.flac").rename(exports.folder(RUN_ID) / "07_output_audio.flac")
    await number_main(song)
    check(await entities(song), exports)


async def test_the_first_one_keeps_it(song: Walk, exports: Exports) -> None:
    await add(song, exports, "08_output_audio.flac", stage="mix")
    await add(song, exports, "07_output_audio.flac", stage="master")
    await number_main(song)
    assert [(one.number, one.stage) for one in await entities(song)] == [(7, "master"), (8, "mix")]
    assert song.plan.main_made(await entities(song)) == "master"
