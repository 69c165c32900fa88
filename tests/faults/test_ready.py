"""`/ready` goes false and says why, and true again; `/health` stays the process's own pulse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devserver.backends import health
from devserver.host.host import Host
from devserver.media.intake import IntakePool
from devserver.stages.graph.retries import Retries
from devserver.watching import readiness
from tests.doubles.peer_faults import DeadWorker, GoesDeaf
from tests.doubles.relay import Relay
from tests.faults.rig import Studio, rigged, seconds_of, until, until_told


async def ready(client: aiohttp.ClientSession) -> tuple[bool, str]:
    async with client.get("/ready") as response:
        told: dict[str, Any] = await response.json()
        assert told["ready"] is (response.status == 200)
        return response.status == 200, "; ".join(told["problems"])


async def until_noticed(client: aiohttp.ClientSession, problem: str) -> None:
    """Ask `/ready` until it says that there is this problem."""

    async def says_so() -> bool:
        is_ready, told = await ready(client)
        return not is_ready and problem in told

    await until_told(says_so, f"/ready does not say: {problem}")


async def healthy(client: aiohttp.ClientSession) -> bool:
    async with client.get("/health") as response:
        return response.status == 200


async def well_again(client: aiohttp.ClientSession) -> bool:
    return (await ready(client))[0]


async def test_health_that_stays_green_while_the_prompt_worker_is_dead(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        await until_told(lambda: well_again(client), "/ready is false from the start")
        await studio.stop()
        studio.kind = DeadWorker
        await studio.start()
        run_id = await rig.accept(1.5)
        async with aiohttp.ClientSession(studio.url) as asking:
            await until_told(lambda: _waits(asking), "the prompt does not wait")
        await until_noticed(client, "prompt worker of studio0 is dead")
        assert await healthy(client)
        await studio.stop()
        studio.kind = Host
        await studio.start()
        assert seconds_of(await rig.ended(run_id)) == 1.5
        await until_told(lambda: well_again(client), "/ready stays false")


async def test_a_dead_prompt_worker_beside_a_backend_that_is_well(
    studio: Studio, tmp_path: Path, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs go to the other one, and `/ready` says what is broken as long as it is."""
    monkeypatch.setattr(health, "CHECK_EVERY_S", 0.1)
    monkeypatch.setattr(health, "DEAD_AFTER_S", 0.5)
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    await studio.stop()
    studio.kind = DeadWorker
    await studio.start()
    soon = Retries(attempts=3, first_pause_s=0.05, elsewhere_after_s=0.2)
    async with (
        Studio(tmp_path / "other") as other,
        rigged(exports, intake, studio, other, retries=soon) as rig,
        rig.listening() as client,
    ):
        run_id = await rig.accept(0.4)
        await until_noticed(client, "prompt worker of studio0 is dead")
        await until(lambda: rig.backend.state == "down")
        assert not (await ready(client))[0]
        assert seconds_of(await rig.ended(run_id)) == 0.4
        await studio.stop()
        studio.kind = Host
        await studio.start()
        await until_told(lambda: well_again(client), "/ready stays false")


async def _waits(asking: aiohttp.ClientSession) -> bool:
    async with asking.get("/queue") as response:
        return bool((await response.json())["queue_pending"])


async def test_a_deaf_websocket_that_answers_no_ping(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with Relay(studio.url) as relay, rigged(exports, intake, relay.url) as rig, rig.listening() as client:
        await until_told(lambda: well_again(client), "/ready is false from the start")
        relay.deaf = True
        await until_noticed(client, "event socket of studio0 is deaf")
        assert await healthy(client)
        relay.deaf = False
        await until_told(lambda: well_again(client), "/ready stays false")


async def test_a_deaf_websocket_that_stays_open(
    studio: Studio, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        health, "CHECK_EVERY_S", 3600.0
    )  # else the watch may open the socket anew before `/ready` is asked
    await studio.stop()
    studio.kind = GoesDeaf
    await studio.start()
    async with rigged(exports, intake, studio, poll_s=3600) as rig, rig.listening() as client:
        await until_told(lambda: well_again(client), "/ready is false from the start")
        assert isinstance(studio.host, GoesDeaf)
        studio.host.deaf = True
        studio.gate.hold(1.5)
        run_id = await rig.accept(1.5)
        await until_noticed(client, "event socket of studio0 is deaf")
        studio.host.deaf = False
        studio.gate.release()
        assert seconds_of(await rig.ended(run_id)) == 1.5
        await until_told(lambda: well_again(client), "/ready stays false")
