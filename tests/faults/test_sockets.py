"""The event socket: it drops, it goes deaf, it says too much or nothing. It tells progress; it is never believed."""

from __future__ import annotations

from pathlib import Path

from devserver.media.intake import IntakePool
from tests.doubles.peer_faults import TalksMuch
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, attempts_of, codes, rigged, seconds_of, until


async def test_a_websocket_that_drops_in_mid_run(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url) as rig:
        studio.gate.hold(1.5)
        dropped = await rig.accept(1.5)
        await until(lambda: studio.running)
        relay.drop(only_sockets=True)
        studio.gate.release()
        answers = [await rig.ended(dropped), await rig.run(0.7)]
        assert [seconds_of(answer) for answer in answers] == [1.5, 0.7]
        assert [attempts_of(answer) for answer in answers] == [1, 1]
        assert codes(answers[0]) == []
        await until(lambda: relay.opened_sockets >= 2, "the socket was not opened again")


async def test_a_websocket_that_drops_between_two_runs(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url) as rig:
        assert seconds_of(await rig.run(1.5)) == 1.5
        relay.drop()
        after = await rig.run(0.7)
        assert (seconds_of(after), attempts_of(after), codes(after)) == (0.7, 1, [])
        assert rig.backend.follower.connected


async def test_a_deaf_websocket(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """Nothing comes through any more, and nobody says so: runs go on, by asking, and the socket is opened anew."""
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url) as rig:
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until(lambda: studio.running)
        relay.deaf = True
        studio.gate.release()
        deaf = [await rig.ended(run_id), await rig.run(0.7)]
        await until(lambda: relay.opened_sockets > 1, "the deaf socket was not noticed")
        relay.deaf = False
        heard = await rig.run(0.4)
    assert [(seconds_of(answer), attempts_of(answer)) for answer in (*deaf, heard)] == [(1.5, 1), (0.7, 1), (0.4, 1)]


async def test_a_5_mb_executed_frame(studio: Studio, exports: Path, intake: IntakePool) -> None:
    await studio.stop()
    studio.kind = TalksMuch
    await studio.start()
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url, poll_s=3600) as rig:
        answers = [await rig.run(0.7), await rig.run(0.4)]
        assert relay.opened_sockets == 1
    assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(0.7, 1), (0.4, 1)]
