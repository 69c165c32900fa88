"""Disks: full, closed, and open again. The server runs as somebody to whom permissions apply."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.durable.database import Database
from devserver.media.intake import IntakePool
from tests.doubles.at_once import rows
from tests.doubles.programs import ROOT, NodeHost, Server
from tests.doubles.unprivileged import limit_file_size, own_folder, unprivileged
from tests.faults.rig import Studio, attempts_of, codes, request, rigged, seconds_of, until
from tests.patience import PATIENCE_S

ROOM_BYTES = 1_500_000
LARGE = {"seconds": 45, "quality": "320k"}  # 1.8 MB
SMALL = {"seconds": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without privileges; its backend has all the room that it wants."""
    with own_folder() as folder, NodeHost(tmp_path_factory.mktemp("host")) as host:
        backend = {"name": "studio", "url": host.url}
        with Server(folder / "exports", before=unprivileged(), embedded=False, backends=[backend]) as running:
            yield running


def make(server: Server, params: dict[str, Any]) -> tuple[int, Any]:
    return server.execute(input_text="x", output_config="silence_mp3", params=params)


def until_noticed(server: Server, *, ready: bool) -> None:
    """Ask until `/ready` says so."""
    began = time.monotonic()
    while (server.call("GET", "/ready")[0] == 200) is not ready:
        assert time.monotonic() - began < PATIENCE_S, f"/ready does not become {ready}"
        time.sleep(0.05)


def test_exports_disk_full(server: Server) -> None:
    """A run that does not fit fails with what to do, a smaller one beside it goes well, and with room both do."""
    limit_file_size(server.pid, ROOM_BYTES)
    try:
        status, body = make(server, LARGE)
        assert (status, body["error"]["code"]) == (507, "exports_full"), body
        assert "Free some space" in body["error"]["hint"]
        assert body["media_output"]["media_stored"] is False
        folder = server.exports / body["run_id"]
        assert not [*folder.glob("*.part"), *folder.glob("07_*")]
        assert json.loads((folder / "metadata.json").read_bytes())["status"] == "failed"
        assert make(server, SMALL)[0] == 200
    finally:
        limit_file_size(server.pid, None)
    status, started = server.call("POST", f"/api/runs/{body['run_id']}/rerun")
    assert server.ended(started["run_id"])[0] == 200


def test_ready_while_the_disk_of_the_exports_is_full(server: Server) -> None:
    assert server.call("GET", "/ready")[0] == 200
    limit_file_size(server.pid, 500_000)
    try:
        until_noticed(server, ready=False)
        assert "cannot be written" in server.call("GET", "/ready")[1]["problems"][0]
        assert server.call("GET", "/health")[0] == 200
    finally:
        limit_file_size(server.pid, None)
    until_noticed(server, ready=True)


def test_permissions_gone(server: Server) -> None:
    """Of the whole folder: nothing is accepted, and nothing is half there. Given back, all is well."""
    before = sorted(server.exports.iterdir())
    server.exports.chmod(0o555)
    try:
        until_noticed(server, ready=False)
        status, body = make(server, SMALL)
        assert (status, body["error"]["code"]) == (507, "exports_unwritable"), body
        assert "Let the server's user write" in body["error"]["hint"]
        assert server.call("GET", "/health")[0] == 200
        assert sorted(server.exports.iterdir()) == before
    finally:
        server.exports.chmod(0o755)
    until_noticed(server, ready=True)
    assert make(server, SMALL)[0] == 200


def test_a_server_that_may_not_write_its_exports_says_so_and_ends() -> None:
    with own_folder() as folder:
        folder.chmod(0o555)
        command = [*unprivileged(), sys.executable, "server.py", "serve", "--exports", str(folder / "exports")]
        done = subprocess.run([*command, "--port", "0"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Nothing can be written: exports" in done.stderr
    assert "Let the server's user write" in done.stderr


def test_permissions_gone_in_mid_run(server: Server) -> None:
    """Of one run's folder: it fails and says so, its neighbour goes well, and its record follows when it can."""
    server.call("POST", "/api/queue/pause", {})
    runs = [
        server.execute(input_text="x", output_config="silence_mp3", params=SMALL, wait=False)[1]["run_id"]
        for _ in range(2)
    ]
    folder = server.exports / runs[0]
    wait_for(lambda: len(server.call("GET", "/api/queue")[1]["waiting"]) == 2)
    folder.chmod(0o555)
    server.call("POST", "/api/queue/resume", {})
    try:
        status, body = server.ended(runs[0])
        assert (status, body["error"]["code"]) == (507, "exports_unwritable"), body
        assert "record_late" in [warning["code"] for warning in body["warnings"]]
        assert server.ended(runs[1])[0] == 200
    finally:
        folder.chmod(0o755)
    record = folder / "metadata.json"
    wait_for(lambda: record.exists() and json.loads(record.read_bytes())["status"] == "failed")


async def test_journal_disk_full(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """What runs meanwhile goes on when there is room, and is not submitted again; what comes is refused in words."""
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until(lambda: studio.running)
        await limit_pages(rig.app.database, full=True)
        status = 0
        while status != 507:  # the last page has room for some more
            async with client.post("/api/schema/pipeline/execute", json=request(0.4, wait=False)) as response:
                status, told = response.status, await response.json()
                assert status in (202, 507), told
        assert told["error"]["code"] == "exports_full"
        assert "Free some space" in told["error"]["hint"]
        studio.gate.release()
        await until(lambda: "success" in studio.states())
        await limit_pages(rig.app.database, full=False)
        answer = await rig.ended(run_id)
        await until(lambda: not rig.read(lambda reading: reading.unfinished()))
    assert (seconds_of(answer), attempts_of(answer), codes(answer)) == (1.5, 1, [])


async def limit_pages(database: Database, *, full: bool) -> None:
    """Let the journal's file grow no more, so that SQLite says that its disk is full."""
    pages = rows(database, "PRAGMA page_count")[0]["page_count"] if full else 1 << 30
    await database.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}"))


def wait_for(happened: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
