"""Time: the clock is set back, and nothing is heard for minutes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from devserver.durable.opening import open_database
from devserver.media.intake import IntakePool
from tests.doubles.at_once import execute, rows
from tests.doubles.passing_time import TestClock, run_skipping
from tests.faults.rig import Studio, codes, rigged, seconds_of, until
from tests.faults.silence import SILENCE_S, run_in_silence
from tests.patience import PATIENCE_S

TAKES = "SELECT worked_s FROM stages WHERE take = 1 AND attempt = 0"


async def test_clock_stepped_back(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """By an hour, with one run at work and another waiting: both end, no time is negative, and the order stands."""
    clock = TestClock()
    async with rigged(exports, intake, studio, clock=clock) as rig:
        studio.gate.hold(1.0)
        runs = [await rig.accept(1.0), await rig.accept(2.0)]
        await until(lambda: studio.running)
        clock.off = timedelta(hours=-1)
        runs.append(await rig.accept(0.4))
        studio.gate.release()
        answers = [await rig.ended(run_id) for run_id in runs]
        assert [seconds_of(answer) for answer in answers] == [1.0, 2.0, 0.4]
        assert [codes(answer) for answer in answers] == [[], [], []]
        assert all(answer.body["execution_time"] >= 0 for answer in answers)
        assert all(answer.body["media_output"]["execution_time"] >= 0 for answer in answers)
        events = await rig.app.journal.events_after(0, None, 1000)
    seqs = [event.seq for event in events if event.seq is not None]
    assert seqs == list(range(1, len(seqs) + 1))
    ended = [event.run_id for event in events if event.kind == "run.ended"]
    assert set(ended) == set(runs)


async def test_time_off_is_not_time_worked(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """A night without a server, with one run at work and another ready: both are collected by the next one."""
    clock = TestClock()
    studio.gate.hold(1.0)
    async with rigged(exports, intake, studio, clock=clock) as rig:
        runs = [await rig.accept(1.0), await rig.accept(2.0)]
        await until(lambda: len(studio.submitted) == 2)
    clock.off = timedelta(hours=12)
    async with rigged(exports, intake, studio, clock=clock) as rig:
        assert [seconds_of(await rig.ended(run_id)) for run_id in runs] == [1.0, 2.0]
        assert len(studio.submitted) == 2, "nothing was made twice"


async def test_what_earlier_servers_worked_on_a_take_counts(studio: Studio, exports: Path, intake: IntakePool) -> None:
    studio.gate.hold(1.0)
    async with rigged(exports, intake, studio) as rig:
        run_id = await rig.accept(1.0)
        await until(lambda: studio.submitted)
    database = open_database(exports / ".state" / "journal.sqlite")
    (worked_s,) = (row["worked_s"] for row in rows(database, TAKES))
    assert worked_s > 0
    execute(database, "UPDATE stages SET worked_s = 1e6 WHERE take = 1 AND attempt = 0")
    database.close()
    studio.gate.hold(1.0)
    async with rigged(exports, intake, studio) as rig:
        answer = await rig.ended(run_id)
    assert (answer.status, answer.body["error"]["code"]) == (504, "run_timeout")


async def test_the_count_is_kept_while_a_take_is_worked_on(
    studio: Studio, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a kill loses a few seconds of it at most."""
    monkeypatch.setattr("devserver.stages.graph.worked.KEPT_EVERY_S", 0.05)
    studio.gate.hold(1.0)
    async with rigged(exports, intake, studio) as rig:
        await rig.accept(1.0)
        await until(lambda: [row for row in rows(rig.app.database, TAKES) if row["worked_s"] > 0.1])


async def test_a_clock_that_jumps_teaches_no_wrong_duration(studio: Studio, exports: Path, intake: IntakePool) -> None:
    clock = TestClock()
    async with rigged(exports, intake, studio, clock=clock) as rig:
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        clock.off = timedelta(hours=1)
        studio.gate.release()
        await rig.ended(run_id)
        learned = rows(rig.app.database, "SELECT seconds FROM durations WHERE stage <> ''")
    assert [row["seconds"] < PATIENCE_S for row in learned] == [True]


def test_six_silent_minutes(tmp_path: Path, intake: IntakePool) -> None:
    """A node that says nothing for so long is waited for, asked after, and its file is taken in."""
    told = run_skipping(run_in_silence(tmp_path, intake, deaf=False))
    assert told >= SILENCE_S


def test_six_silent_minutes_on_a_socket_that_nobody_answers(tmp_path: Path, intake: IntakePool) -> None:
    """No ping is answered either, as by a backend that loads a model; the socket may be given up, the run may not."""
    told = run_skipping(run_in_silence(tmp_path, intake, deaf=True))
    assert told >= SILENCE_S
