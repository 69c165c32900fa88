"""A disk of the exports that is full for a while: every accepted run waits for room, and none is made twice."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.files.exports import Exports
from devserver.media.intake import IntakePool
from devserver.stages import running
from tests.doubles import together
from tests.doubles.at_once import rows
from tests.doubles.programs import NodeHost, Server
from tests.doubles.small_disk import SmallDisk, mounting, on_small_disk
from tests.faults.rig import Studio, codes, rigged, seconds_of, until

DISK_BYTES = 24_000_000
LARGE = {"seconds": 110, "quality": "320k"}  # 4.4 MB
SMALL = {"seconds": 1}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[NodeHost]:
    with NodeHost(tmp_path / "host") as host:
        yield host


@pytest.fixture
def server(tmp_path: Path, host: NodeHost) -> Iterator[Server]:
    if not mounting():
        pytest.skip("nobody may mount a small disk here")
    exports = tmp_path / "exports"
    exports.mkdir()
    backends = [{"name": "studio", "url": host.url}]
    with Server(exports, before=on_small_disk(exports, DISK_BYTES), embedded=False, backends=backends) as running:
        yield running


def begin(server: Server, params: dict[str, Any]) -> str:
    status, told = server.execute(input_text="x", output_config="silence_mp3", params=params, wait=False)
    assert status == 202, told
    return str(told["run_id"])


def waits_for_room(server: Server, run_id: str) -> bool:
    return "exports_full" in [warning["code"] for warning in server.run(run_id)["warnings"]]


def test_a_run_waits_until_the_full_disk_has_room(server: Server, host: NodeHost) -> None:
    """Meanwhile a smaller one that fits goes well, and so it does where the journal finds no room either."""
    disk = SmallDisk(server.exports, server.pid)
    disk.fill(left_bytes=4_000_000)
    run_id = begin(server, LARGE)
    together.until(lambda: waits_for_room(server, run_id), "the run does not say that it waits")
    assert server.ended(begin(server, SMALL))[0] == 200
    disk.fill(left_bytes=0)
    together.until(lambda: server.call("GET", "/ready")[0] == 503, "nobody notices that the disk is full")
    disk.make_room()
    status, answer = server.ended(run_id)
    assert status == 200, answer
    made = next(one for one in server.run(run_id)["entities"] if one["role"] == "main")
    assert made["facts"]["seconds"] == pytest.approx(110, abs=0.1)
    assert len(host.history()) == 2


async def test_a_text_that_cannot_be_kept_is_kept_later(
    studio: Studio, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for room is not being at work: a server that is killed meanwhile is not held against the run."""
    full = True
    write = Exports.write

    def write_where_there_is_room(self: Exports, run_id: str, filename: str, content: bytes) -> None:
        if full and "interception" in filename:
            raise OSError(errno.ENOSPC, "No space left on device", filename)
        write(self, run_id, filename, content)

    monkeypatch.setattr(Exports, "write", write_where_there_is_room)
    monkeypatch.setattr(running, "ROOM_PAUSE_S", 0.05)
    async with rigged(exports, intake, studio) as rig:
        run_id = await rig.accept(0.4)
        await until(lambda: rig.read(lambda reading: reading.events(run_id, "warning")))
        assert not rows(rig.app.database, "SELECT 1 FROM stages WHERE at_work IS NOT NULL")
        full = False
        answer = await rig.ended(run_id)
    assert seconds_of(answer) == 0.4
    assert codes(answer) == ["exports_full"]


def test_a_take_that_finds_the_disk_full_again_and_again_leaves_nothing_there(tmp_path: Path) -> None:
    """What its attempts left would use up the room that somebody makes."""
    if not mounting():
        pytest.skip("nobody may mount a small disk here")
    exports = tmp_path / "exports"
    exports.mkdir()
    with Server(exports, before=on_small_disk(exports, DISK_BYTES), retry_pause_s=0.05) as server:
        disk = SmallDisk(server.exports, server.pid)
        disk.fill(left_bytes=1_000_000)
        params = {"seconds": 6, "format": "wav"}  # 1 MB, twice as much in pieces, and stems
        status, told = server.execute(
            input_text="x", output_config="procedural_instrumental", params=params, wait=False
        )
        assert status == 202, told
        run_id = str(told["run_id"])
        together.until(lambda: attempt_of(server, run_id) >= 4, "it is not tried again")
        left = {
            path.name.split("_000")[0] for path in disk.folder.rglob(f"*{run_id}*/generation_1_*") if path.is_file()
        }
        left |= {path.name for path in disk.folder.glob(f"{run_id}/.partials/*")}
        assert not {name for name in left if name.startswith(("generation_1_1", "generation_1_2"))}, left
        disk.make_room()
        assert server.ended(run_id)[0] == 200


def attempt_of(server: Server, run_id: str) -> int:
    """The number of the newest attempt of the main stage."""
    return max(
        (one["attempt"] for stage in server.run(run_id)["stages"] for one in stage.get("attempts", [])), default=0
    )
