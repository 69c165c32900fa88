"""Time: the clock is set back, and nothing is heard for minutes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from devserver.media.intake import IntakePool
from tests.doubles.passing_time import TestClock, run_skipping
from tests.faults.rig import Studio, codes, rigged, seconds_of, until
from tests.faults.silence import SILENCE_S, run_in_silence


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
    told = run_skipping(run_in_silence(tmp_path, intake, deaf=False))
    assert told >= SILENCE_S


def test_six_silent_minutes_on_a_socket_that_nobody_answers(tmp_path: Path, intake: IntakePool) -> None:
    """No ping is answered either, as by a backend that loads a model; the socket may be given up, the run may not."""
    told = run_skipping(run_in_silence(tmp_path, intake, deaf=True))
    assert told >= SILENCE_S
