"""A restart with a long queue: nobody is walked who only waits, and everybody is made when his turn comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devserver.durable.opening import open_database
from devserver.media.intake import IntakePool
from tests.doubles.at_once import AtOnce, execute, rows
from tests.faults.rig import Rig, Studio, rigged, seconds_of, until

MANY = 40


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Studio]:
    async with Studio(tmp_path / "other") as running:
        yield running


def walks(rig: Rig) -> list[int]:
    """How often each unfinished run was begun."""
    sql = "SELECT generation FROM runs WHERE state = 'running' ORDER BY created_at, run_id"
    return [row["generation"] for row in rows(rig.app.database, sql)]


async def waiting(exports: Path, intake: IntakePool, *studios: Studio) -> dict[str, float]:
    """Runs that wait in a paused queue, left behind by a server: their lengths, in the queue's order."""
    async with rigged(exports, intake, *studios) as rig:
        await rig.app.queue.pause(None)
        lengths = [round(0.2 + 0.1 * (number % 5), 1) for number in range(MANY)]
        runs = {await rig.accept(seconds): seconds for seconds in lengths}
        tickets = AtOnce(rig.app.database, rig.app.expected.tickets)
        await until(lambda: len(tickets.listed()) == MANY)
        return {
            ticket.run_id: runs[ticket.run_id] for ticket in AtOnce(rig.app.database, rig.app.expected.tickets).listed()
        }


async def test_a_start_walks_nobody_who_waits_and_all_are_made(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    runs = await waiting(exports, intake, studio)
    due = list(runs)
    async with rigged(exports, intake, studio) as rig:
        assert rig.app.runs.walking == MANY
        assert rig.detail(due[3])["queue"]["position"] == 4
        gone = due.pop(5)
        await rig.app.runs.cancel(gone, "local")
        assert (await rig.ended(gone)).body["status"] == "cancelled"
        assert walks(rig) == [1] * (MANY - 1), "the one was walked again to its end, nobody else"
        await rig.app.queue.resume(None)
        for run_id in due:
            assert seconds_of(await rig.ended(run_id)) == runs[run_id]
        order = [one["prompt"]["2"]["inputs"]["filename_prefix"].split("/")[1] for one in studio.submitted]
        assert sorted(order) == sorted(due)
        # Two have their turn at a time, and either may be submitted first.
        assert all(abs(order.index(run_id) - due.index(run_id)) <= 2 for run_id in due)


async def test_sleeping_runs_go_elsewhere_where_their_backend_does_not_come_back(
    studio: Studio, other: Studio, exports: Path, intake: IntakePool
) -> None:
    runs = await waiting(exports, intake, studio)
    database = open_database(exports / ".state" / "journal.sqlite")
    execute(database, "UPDATE queues SET paused = 0")
    database.close()
    await studio.stop()
    try:
        async with rigged(exports, intake, studio, other) as rig:
            for run_id in runs:
                seconds_of(await rig.ended(run_id))
    finally:
        await studio.start()
    assert len(other.submitted) == MANY
