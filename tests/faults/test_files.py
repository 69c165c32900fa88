"""Files: each run gets its own, whole, from wherever and under whatever key it is named, or says why it has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devserver.host.host import Host
from devserver.media.intake import IntakePool
from tests.doubles.peer_faults import (
    FailsWithFiles,
    FullDisk,
    HalfWritten,
    Litters,
    LosesFiles,
    MakesNothing,
    OtherKey,
    WrongName,
)
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, attempts_of, codes, failure, files_in, rigged, seconds_of, until

Starts = Callable[[type[Host]], Coroutine[Any, Any, Studio]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starts]:
    """Start a backend with a fault."""
    started: list[Studio] = []

    async def start(kind: type[Host]) -> Studio:
        studio = Studio(tmp_path / kind.__name__, kind)
        await studio.start()
        started.append(studio)
        return studio

    yield start
    for studio in started:
        await studio.stop()


async def test_newest_file_pick_up(start: Starts, exports: Path, intake: IntakePool) -> None:
    """Twenty runs at once in a folder where somebody saves a newer file after each; every one has its own length."""
    studio = await start(Litters)
    lengths = [0.2 + 0.1 * number for number in range(20)]
    async with rigged(exports, intake, studio, folder=studio.output) as rig:
        answers = await asyncio.gather(*(rig.run(round(seconds, 1)) for seconds in lengths))
    assert [seconds_of(answer) for answer in answers] == [round(seconds, 1) for seconds in lengths]


async def test_sub_folder_outputs(start: Starts, exports: Path, intake: IntakePool) -> None:
    """Files of one name in sub-folders of their own; one of that name, not ours, lies in the folder above."""
    studio = await start(Litters)
    async with rigged(exports, intake, studio) as rig:
        answers = [await rig.run(seconds) for seconds in (0.4, 0.8)]
        assert [seconds_of(answer) for answer in answers] == [0.4, 0.8]
    files = [path.relative_to(studio.output) for path in files_in(studio.output, "**/[!z]*.mp3")]
    assert {path.name for path in files} == {files[0].name}
    assert len({path.parent for path in files if len(path.parts) > 1}) == 2


@pytest.mark.parametrize("key", ["images", "gifs", "video", "videos", "files", "3d", "anything"])
async def test_media_under_every_result_key(start: Starts, exports: Path, intake: IntakePool, key: str) -> None:
    studio = await start(type("Keyed", (OtherKey,), {"key": key}))
    async with rigged(exports, intake, studio) as rig:
        answer = await rig.run(0.4)
    assert seconds_of(answer) == 0.4
    assert answer.body["media_output"]["media_type"] == "audio"


async def test_a_media_type_is_told_by_the_content_not_by_a_name(
    start: Starts, exports: Path, intake: IntakePool
) -> None:
    studio = await start(WrongName)
    async with rigged(exports, intake, studio) as rig:
        answer = await rig.run(0.4)
    assert seconds_of(answer) == 0.4
    assert answer.body["media_output"]["metadata"]["filename"] == "07_output_audio.mp3"


async def test_a_cached_answer_whose_file_is_gone(start: Starts, exports: Path, intake: IntakePool) -> None:
    studio = await start(LosesFiles)
    async with rigged(exports, intake, studio) as rig:
        answers = [await rig.run(0.4), await rig.run(0.8)]
    assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(0.4, 2), (0.8, 1)]
    assert codes(answers[0]) == ["attempt_1_1_lost"]


async def test_a_backend_that_loses_every_file_is_named_after_some_attempts(
    start: Starts, exports: Path, intake: IntakePool
) -> None:
    studio = await start(type("LosesAll", (LosesFiles,), {"times": 1000}))
    async with rigged(exports, intake, studio) as rig:
        told = failure(await rig.run(0.4), "attempts_lost")
    assert "studio0" in told
    assert "no such file" in told
    assert "log" in told


async def test_slow_and_half_written_files(start: Starts, exports: Path, intake: IntakePool, tmp_path: Path) -> None:
    """The shared folder shows half a file when the history names it, and the rest later."""
    studio = await start(HalfWritten)
    assert isinstance(studio.host, HalfWritten)
    studio.host.shown = tmp_path / "shared"
    async with rigged(exports, intake, studio, folder=tmp_path / "shared") as rig:
        answer = await rig.run(2.0)
    assert (seconds_of(answer), attempts_of(answer), codes(answer)) == (2.0, 1, [])


async def test_a_download_that_breaks_in_the_middle(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with Relay(studio.url, cuts=b"GET /view", cut_after_bytes=700, cut_times=2) as relay:
        async with rigged(exports, intake, relay.url) as rig:
            answer = await rig.run(2.0)
        assert relay.cut_times == 0
    assert (seconds_of(answer), attempts_of(answer)) == (2.0, 1)
    assert not files_in(exports, "*/*.part")


async def test_a_failed_graph_that_lists_a_file(start: Starts, exports: Path, intake: IntakePool) -> None:
    """A run before it went well: its file is not handed out either."""
    studio = await start(Host)
    async with rigged(exports, intake, studio) as rig:
        assert seconds_of(await rig.run(0.4)) == 0.4
    await studio.stop()
    studio.kind = FailsWithFiles
    await studio.start()
    async with rigged(exports, intake, studio) as rig:
        assert "the VAE is broken" in failure(await rig.run(0.4), "node_failed")
    assert len(files_in(exports, "*/07_*")) == 1


async def test_a_success_without_any_file(start: Starts, exports: Path, intake: IntakePool) -> None:
    studio = await start(MakesNothing)
    async with rigged(exports, intake, studio) as rig:
        assert "made no file" in failure(await rig.run(0.4), "output_missing")


async def test_a_run_waits_where_the_full_disk_is_that_of_the_exports(
    start: Starts, exports: Path, intake: IntakePool
) -> None:
    studio = await start(FullDisk)
    async with rigged(exports, intake, studio) as rig:
        rig.backend.address = replace(rig.backend.address, kind="embedded")
        run_id = await rig.accept(0.4)
        await until(lambda: len(studio.submitted) > 1, "it was not tried again")
        assert isinstance(studio.host, FullDisk)
        studio.host.full = False
        answer = await rig.ended(run_id)
        assert seconds_of(answer) == 0.4
        assert "disk_full_1" in codes(answer)


async def test_backend_disk_full(start: Starts, exports: Path, intake: IntakePool) -> None:
    studio = await start(FullDisk)
    async with rigged(exports, intake, studio) as rig:
        told = failure(await rig.run(0.4), "backend_disk_full")
        assert "studio0" in told
        assert "Make room on its disk" in told
        assert isinstance(studio.host, FullDisk)
        studio.host.full = False
        assert seconds_of(await rig.run(0.8)) == 0.8
