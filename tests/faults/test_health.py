"""A prompt worker that died behind a healthy port is recognised, left, and used again when it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from devserver.backends import health
from devserver.media.intake import IntakePool
from devserver.stages.graph.retries import Retries
from tests.doubles.peer_faults import DeadWorker
from tests.faults.rig import Studio, attempts_of, rigged, seconds_of, until

SOON = Retries(attempts=3, first_pause_s=0.05, elsewhere_after_s=0.2)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_EVERY_S", 0.1)
    monkeypatch.setattr(health, "DEAD_AFTER_S", 1.0)


async def again(studio: Studio, kind: type) -> None:
    await studio.stop()
    studio.kind = kind
    await studio.start()


async def test_takes_of_a_dead_worker_are_made_elsewhere_and_are_gone_from_it(
    studio: Studio, tmp_path: Path, exports: Path, intake: IntakePool
) -> None:
    await again(studio, DeadWorker)
    async with Studio(tmp_path / "other") as other, rigged(exports, intake, studio, other, retries=SOON) as rig:
        runs = [await rig.accept(seconds) for seconds in (1.0, 2.0, 3.0)]
        await until(lambda: rig.backend.state == "down", "the dead worker was not noticed")
        assert "prompt worker is dead" in rig.backend.problem
        answers = [await rig.ended(run_id) for run_id in runs]
        assert [seconds_of(answer) for answer in answers] == [1.0, 2.0, 3.0]
        attempts = sorted(attempts_of(answer) for answer in answers)
        assert attempts == [1, 1, 2], "it had one of them; the others were made where they are made"
        assert len(other.submitted) == 3
        assert not len(studio.host.prompts)


async def test_a_worker_that_was_started_again_is_used_again(studio: Studio, exports: Path, intake: IntakePool) -> None:
    await again(studio, DeadWorker)
    async with rigged(exports, intake, studio) as rig:
        run_id = await rig.accept(1.0)
        await until(lambda: "prompt worker is dead" in rig.backend.problem, "the dead worker was not noticed")
        await again(studio, Studio(Path()).kind)
        assert seconds_of(await rig.ended(run_id)) == 1.0
        assert rig.backend.state == "up"
        assert rig.backend.describe().last_problem  # the worker's, or that nothing listened while it was replaced


async def test_a_node_that_says_nothing_is_not_taken_for_dead(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        runs = [await rig.accept(1.0), await rig.accept(2.0)]
        await until(lambda: studio.running and len(studio.host.prompts) == 2)
        looks = 0
        asked = rig.backend.client.queue

        async def counted() -> object:
            nonlocal looks
            looks += 1
            return await asked()

        rig.backend.client.queue = counted  # type: ignore[method-assign,assignment]
        await until(lambda: looks > 40)
        assert (rig.backend.state, rig.backend.stalled) == ("up", "")
        studio.gate.release()
        assert [seconds_of(await rig.ended(run_id)) for run_id in runs] == [1.0, 2.0]
        assert len(studio.submitted) == 2
