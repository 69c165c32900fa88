from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from devserver.errors import DatabaseGone, Fenced
from devserver.errors.disk import DiskTrouble, JournalFault
from devserver.errors.sentences import say
from devserver.files import pieces
from devserver.files.exports import RECORD, Exports
from devserver.model.failure import Failure
from devserver.runs import record
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.doubles.at_once import JournalAtOnce
from tests.patience import PATIENCE_S


def status(exports: Exports) -> str:
    return str(json.loads(exports.file(RUN_ID, RECORD).read_bytes())["status"])


async def test_the_record_is_final_before_the_journal_tells_of_the_end(walk: Walk, exports: Exports) -> None:
    await record.finish(walk, "success", None)
    assert status(exports) == "success"
    assert await walk.tools.journal.has_ended(RUN_ID)


async def test_the_pieces_of_a_run_are_deleted_once_its_end_is_told(walk: Walk, exports: Exports) -> None:
    folder = exports.folder(RUN_ID) / pieces.FOLDER
    folder.mkdir()
    there_at_the_end: list[bool] = []
    await record.finish(walk, "success", None, lambda *_: there_at_the_end.append(folder.exists()))
    assert there_at_the_end == [True]
    assert not folder.exists()


async def test_a_walk_that_lost_its_run_leaves_the_record_and_the_journal_alone(walk: Walk, exports: Exports) -> None:
    later = replace(walk, run=await walk.tools.journal.begin_run(RUN_ID))
    await record.write(walk.tools.journal, exports, RUN_ID)
    with pytest.raises(Fenced):
        await record.finish(walk, "failed", Failure(code="x"))
    assert status(exports) == "running"
    await record.finish(later, "success", None)
    assert status(exports) == "success"


async def test_a_record_that_the_disk_did_not_take_is_told_and_written_late(
    walk: Walk, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exports.folder(RUN_ID) / RECORD / "in the way").mkdir(parents=True)
    monkeypatch.setattr(record, "disk_trouble", lambda _: DiskTrouble("exports_full", say("disk_full", where="x")))
    late: list[str] = []
    monkeypatch.setattr(walk.tools.late, "add", late.append)
    await record.finish(walk, "success", None)
    assert (late, await walk.tools.journal.has_ended(RUN_ID)) == ([RUN_ID], True)
    warnings = await walk.read(lambda reading: reading.warnings(RUN_ID))
    assert [one.code for one in warnings] == ["record_late"]


async def test_folders_of_runs_that_were_never_accepted_go_and_those_of_others_stay(
    walk: Walk, exports: Exports
) -> None:
    never = exports.folder("20240131-000000-00000001")
    never.mkdir()
    (never / "02_input.txt").write_text("x")
    await record.discard_prepared(walk.tools.journal, exports, never.stat().st_mtime - 1)
    assert never.exists(), "it may be accepted in a moment"
    await record.discard_prepared(walk.tools.journal, exports, never.stat().st_mtime + 1)
    assert not never.exists()
    assert exports.folder(RUN_ID).exists()


async def test_beside_a_new_journal_nothing_is_deleted(journal: JournalAtOnce, exports: Exports) -> None:
    for run_id, name in ((RUN_ID, RECORD), ("20240131-000000-00000001", "02_input.txt")):
        exports.folder(run_id).mkdir()
        (exports.folder(run_id) / name).write_text("{}")
    await record.discard_prepared(journal.journal, exports, float("inf"))
    assert len(list(exports.root.glob("2024*"))) == 2


class Written:
    """Takes the place of writing a record; `times` says how often that was done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times, self._error, self._happened = 0, error, asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.times += 1
        self._happened.set()
        if self._error is not None:
            raise self._error

    async def happened(self) -> None:
        await asyncio.wait_for(self._happened.wait(), PATIENCE_S)


@pytest.mark.parametrize("error", [OSError("no room"), DatabaseGone("away"), JournalFault(5, "disk I/O error")])
async def test_a_record_that_cannot_be_kept_meanwhile_costs_nothing_but_that(
    walk: Walk, exports: Exports, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    written = Written(error)
    monkeypatch.setattr(record, "write", written)
    keeper = record.Keeper(walk.tools.journal, exports, RUN_ID)
    keeper.touch()
    await written.happened()
    await keeper.settle()


async def test_what_changes_together_is_written_once_and_nothing_after_the_walk_has_settled(
    walk: Walk, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written()
    monkeypatch.setattr(record, "write", written)
    keeper = record.Keeper(walk.tools.journal, exports, RUN_ID)
    for _ in range(5):
        keeper.touch()
    await written.happened()
    assert written.times == 1
    keeper.touch()
    await keeper.settle()
    await asyncio.sleep(2 * record.KEPT_AFTER_S)
    assert written.times == 1


async def test_a_write_that_has_begun_ends_before_a_cancelled_walk_goes_on(
    walk: Walk, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would replace the final record of whoever has taken the run over."""
    begun, room, written = asyncio.Event(), asyncio.Event(), list[str]()

    async def write(*_: object) -> None:
        begun.set()
        await room.wait()
        written.append("stale")

    monkeypatch.setattr(record, "write", write)
    keeper = record.Keeper(walk.tools.journal, exports, RUN_ID)
    keeper.touch()
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    settling = asyncio.create_task(keeper.settle())
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.sleep(0)
    room.set()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert written == ["stale"]
