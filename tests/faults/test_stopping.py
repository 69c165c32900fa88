"""Cancel, confirmed by the backend, and what is told where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devserver.host.host import Host
from devserver.media.intake import IntakePool
from devserver.stages.graph import stopping
from tests.faults.rig import Studio, codes, files_in, rigged, seconds_of, until


class InterruptsNothing(Host):
    def interrupt(self, prompt_id: str | None) -> None:
        pass


def cancels(attempts: list[dict[str, Any]]) -> list[Any]:
    return [attempt["result"].get("cancel") for attempt in attempts]


async def test_a_cancel_is_confirmed_by_the_backend(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0, 2.0)
        running, queued = await rig.accept(1.0), await rig.accept(2.0)
        await until(lambda: len(studio.host.prompts) == 2)
        await until(lambda: studio.running)
        await rig.app.runs.cancel(queued, "local")
        assert (await rig.ended(queued)).body["status"] == "cancelled"
        assert cancels(rig.attempts(queued)) == [{"confirmed": True, "did": ["deleted"]}]
        await rig.app.runs.cancel(running, "local")
        assert (await rig.ended(running)).body["status"] == "cancelled"
        assert cancels(rig.attempts(running)) == [{"confirmed": True, "did": ["interrupted"]}]
        assert not len(studio.host.prompts)
        assert studio.states() == ["error"]  # what was deleted has no history


async def test_a_backend_that_ignores_a_cancel_is_told_of_and_its_file_is_not_taken(
    studio: Studio, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "CONFIRMED_WITHIN_S", 0.3)
    await studio.stop()
    studio.kind = InterruptsNothing
    await studio.start()
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        await rig.app.runs.cancel(run_id, "local")
        answer = await rig.ended(run_id)
        assert (answer.status, answer.body["status"]) == (409, "cancelled")
        assert codes(answer) == ["not_stopped_1_1"]
        (told,) = cancels(rig.attempts(run_id))
        assert told["confirmed"] is False
        assert "still lists" in told["problem"]
        studio.gate.release()
        await until(lambda: studio.states() == ["success"], "the host did not go on")
        assert rig.answer(run_id) == answer
        assert not files_in(exports, f"{run_id}/07_*")
        assert seconds_of(await rig.run(0.4)) == 0.4
