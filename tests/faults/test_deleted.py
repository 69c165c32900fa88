"""What somebody deletes under a running server: nothing is taken on that could not be found again, and it says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devserver.durable.bus import Bus
from devserver.durable.journal import Journal
from devserver.durable.opening import open_database
from devserver.files.exports import Exports
from devserver.runs.record import discard_prepared
from devserver.system.clock import Clock
from tests.doubles import together
from tests.doubles.programs import Server

SILENCE = {"input_text": "x", "output_config": "silence_mp3"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "exports") as running:
        yield running


def refused(server: Server, path: str, body: object) -> tuple[int, str, str]:
    status, told = server.call("POST", path, body)
    return status, told["error"]["code"], told["error"]["message"]


def test_a_deleted_journal_takes_no_run_on_and_what_it_knew_goes_on(server: Server) -> None:
    status, answer = server.execute(**SILENCE)
    assert status == 200
    for file in (server.exports / ".state").glob("journal.sqlite*"):
        file.unlink()
    status, code, message = refused(server, "/api/schema/pipeline/execute", SILENCE)
    assert (status, code) == (507, "exports_unwritable")
    assert "journal" in message
    together.until(lambda: server.call("GET", "/ready")[0] == 503, "/ready does not tell")
    assert "journal" in str(server.call("GET", "/ready")[1]["problems"])
    assert server.call("GET", f"/api/runs/{answer['run_id']}")[0] == 200
    assert not list((server.exports / ".state").glob("journal.sqlite")), "nobody made an empty one"


def test_deleted_exports_are_told_at_every_route_that_writes(server: Server) -> None:
    assert server.execute(**SILENCE)[0] == 200
    shutil.rmtree(server.exports)
    for path, body in (("/api/schema/pipeline/execute", SILENCE), ("/api/uploads?name=a.wav", {"no": "sound"})):
        status, code, message = refused(server, path, body)
        assert (status, code) == (507, "exports_unwritable"), path
        assert "is gone" in message


async def test_a_new_journal_beside_old_records_deletes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exports = Exports(tmp_path)
    waited, ended = exports.new_run_id(Clock()), exports.new_run_id(Clock())
    for run_id, name in ((waited, "01_config.json"), (ended, "metadata.json")):
        exports.folder(run_id).mkdir()
        (exports.folder(run_id) / name).write_text("{}")
    database = open_database(tmp_path / "journal.sqlite")
    journal = Journal(database, Clock(), Bus(Clock()))
    await discard_prepared(journal, exports, before_s=float("inf"))
    assert exports.folder(waited).is_dir()
    assert "1 records of runs" in caplog.text
    shutil.rmtree(exports.folder(ended))
    await discard_prepared(journal, exports, before_s=float("inf"))
    assert not exports.folder(waited).exists()
    database.close()
