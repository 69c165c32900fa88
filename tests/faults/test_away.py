"""A backend that goes on working where nobody can reach it: what it does is found again, or stopped."""

from __future__ import annotations

from pathlib import Path

from devserver.media.intake import IntakePool
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, attempts_of, rigged, seconds_of, until


async def test_away_for_a_moment_it_is_waited_for_and_nothing_is_submitted_again(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url) as rig:
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until(lambda: studio.running)
        relay.away = True
        relay.drop()
        await until(lambda: not rig.backend.up, "nobody noticed")
        studio.gate.release()
        await until(studio.states, "it did not end")
        relay.away = False
        answer = await rig.ended(run_id)
    assert (seconds_of(answer), attempts_of(answer), len(studio.submitted)) == (1.5, 1, 1)


async def test_away_for_too_long_its_prompt_is_stopped_before_it_gets_another(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url, backend_wait_s=2.0) as rig:
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until(lambda: studio.running)
        relay.away = True
        relay.drop()
        await until(lambda: rig.attempts(run_id)[0]["state"] == "lost", "it was not given up")
        relay.away = False
        await until(lambda: studio.states() == ["error"], "the first prompt lives")
        assert len(studio.submitted) == 1, "the second prompt came before the first was stopped"
        studio.gate.release()
        answer = await rig.ended(run_id)
    assert (seconds_of(answer), attempts_of(answer), studio.states()) == (1.5, 2, ["error", "success"])


async def test_away_for_ever_the_run_fails_and_says_who_is_silent(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url, backend_wait_s=0.5) as rig:
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until(lambda: studio.running)
        relay.away = True
        relay.drop()
        answer = await rig.ended(run_id)
        (attempt,) = rig.attempts(run_id)
        studio.gate.release()
    assert (answer.status, answer.body["error"]["code"]) == (502, "backend_unreachable")
    assert "studio0 did not answer" in answer.body["error"]["message"]
    assert (attempt["state"], attempt["result"]["error"]["code"]) == ("lost", "backend_silent")
