"""Time: the clock is set back, and nothing is heard for minutes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from cli.build import SHIPPED
from devserver.definitions import Definitions
from devserver.intake import IntakePool
from schemas.loader import load_tables
from tests.doubles.passing_time import LoopClock, SkippingLoop, TestClock, run_skipping
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, attempts_of, codes, rigged, seconds_of, until

SILENCE_S = 6 * 60


async def test_clock_stepped_back(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """By an hour, with one run at work and another waiting: both end, no time is negative, and the order stands."""
    clock = TestClock()
    async with rigged(exports, intake, studio, clock=clock) as rig:
        studio.gate.hold(1.0)
        runs = [rig.accept(1.0), rig.accept(2.0)]
        await until(lambda: studio.running)
        clock.off = timedelta(hours=-1)
        runs.append(rig.accept(0.4))
        studio.gate.release()
        answers = [await rig.ended(run_id) for run_id in runs]
        assert [seconds_of(answer) for answer in answers] == [1.0, 2.0, 0.4]
        assert [codes(answer) for answer in answers] == [[], [], []]
        assert all(answer.body["execution_time"] >= 0 for answer in answers)
        assert all(answer.body["media_output"]["execution_time"] >= 0 for answer in answers)
        events = rig.parts.events_after(0, None, 1000)
    seqs = [event.seq for event in events if event.seq is not None]
    assert seqs == list(range(1, len(seqs) + 1))
    ended = [event.run_id for event in events if event.kind == "run.ended"]
    assert set(ended) == set(runs)


def test_six_silent_minutes(tmp_path: Path, intake: IntakePool) -> None:
    """A node that says nothing for so long is waited for, asked after, and its file is taken in."""
    told = run_skipping(_silent(tmp_path, intake, relayed=False))
    assert told >= SILENCE_S


def test_six_silent_minutes_on_a_socket_that_nobody_answers(tmp_path: Path, intake: IntakePool) -> None:
    """No ping is answered either, as by a backend that loads a model; the socket may be given up, the run may not."""
    told = run_skipping(_silent(tmp_path, intake, relayed=True))
    assert told >= SILENCE_S


def long_limit(folder: Path) -> Definitions:
    """With an output that may take an hour."""
    config = yaml.safe_load((SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8"))
    path = folder / "configs" / "output" / "patient.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**config, "run_timeout_s": 3600}, allow_unicode=True), "utf8")
    return Definitions([SHIPPED, folder], load_tables([SHIPPED]))


async def _silent(folder: Path, intake: IntakePool, *, relayed: bool) -> float:
    """Run beside a neighbour after the silence; answers how long the run took by the clock of its record."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    async with Studio(folder / "studio") as studio, Relay(studio.url) as relay:
        patient = long_limit(folder / "definitions")
        as_served: dict[str, Any] = {"poll_s": 1.0, "probe_s": 30.0, "clock": LoopClock(loop)}
        async with rigged(folder / "exports", intake, relay.url, definitions=patient, **as_served) as rig:
            studio.gate.hold(1.5)
            run_id = rig.accept(1.5, output_config="patient")
            await until(lambda: studio.running)
            relay.deaf = relayed
            loop.waiting.skips = True
            await asyncio.sleep(SILENCE_S)
            loop.waiting.skips = relay.deaf = False
            assert not rig.parts.journal.run(run_id).ended  # type: ignore[union-attr]
            studio.gate.release()
            answers = [await rig.ended(run_id), await rig.run(0.4)]
            assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(1.5, 1), (0.4, 1)]
            row = rig.parts.journal.run(run_id)
            assert row is not None
            assert row.started_at is not None
            assert row.ended_at is not None
            return (datetime.fromisoformat(row.ended_at) - datetime.fromisoformat(row.started_at)).total_seconds()
