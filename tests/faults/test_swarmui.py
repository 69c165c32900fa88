"""SwarmUI in between: what it loses, refuses, says with the wrong status or in HTML, and changes under us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from devserver.media.intake import IntakePool
from tests.doubles.swarm import Behind, SwarmUI
from tests.faults.rig import Rig, Studio, attempts_of, codes, failure, rigged, seconds_of, until


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Studio]:
    """A second ComfyUI behind the same SwarmUI."""
    async with Studio(tmp_path / "other") as running:
        yield running


@asynccontextmanager
async def serving(swarm: SwarmUI) -> AsyncIterator[str]:
    runner = web.AppRunner(swarm.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def swarming(
    exports: Path, intake: IntakePool, *studios: Studio, kind: str = "comfyui_selfstart", **settings: Any
) -> AsyncIterator[tuple[SwarmUI, Rig]]:
    swarm = SwarmUI([Behind(studio.url, studio.output, kind) for studio in studios])
    async with serving(swarm) as url:
        try:
            async with rigged(exports, intake, url, **settings) as rig:
                yield swarm, rig
        finally:
            for studio in studios:
                studio.gate.release()


def states(rig: Rig) -> dict[str, str]:
    return {backend.name: backend.state for backend in rig.app.pool.describe()}


def backend_of(answer: object) -> str:
    return str(answer.body["media_output"]["metadata"]["backend"])  # type: ignore[attr-defined]


async def test_swarmui_losing_its_session(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with swarming(exports, intake, studio) as (swarm, rig):
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        before = set(swarm.sessions)
        swarm.sessions.clear()
        await until(lambda: swarm.sessions, "no new session was asked for")
        studio.gate.release()
        answers = [await rig.ended(run_id), await rig.run(0.4)]
        assert [(seconds_of(answer), codes(answer)) for answer in answers] == [(1.0, []), (0.4, [])]
        assert not before & swarm.sessions
        assert states(rig) == {"studio0": "up", "studio0#0": "up"}


async def test_swarmui_loading(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with swarming(exports, intake, studio) as (swarm, rig):
        swarm.backends[0].status = "loading"
        await until(lambda: states(rig) == {"studio0": "down"})
        run_id = await rig.accept(0.4)
        await until(lambda: rig.answer(run_id).body.get("warnings") or rig.detail(run_id)["warnings"])
        swarm.backends[0].status = "running"
        answer = await rig.ended(run_id)
        assert (seconds_of(answer), codes(answer)) == (0.4, ["backend_silent"])


async def test_swarmui_answering_html(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """In the middle of a run its page says that no ComfyUI runs; the prompt lives, and is found again."""
    async with swarming(exports, intake, studio) as (swarm, rig):
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        swarm.backends[0].status = "errored"
        await until(lambda: states(rig).get("studio0#0") != "up")
        swarm.backends[0].status = "running"
        studio.gate.release()
        answer = await rig.ended(run_id)
        assert seconds_of(answer) == 1.0
        assert "<" not in str(answer.body["warnings"])
        assert seconds_of(await rig.run(0.4)) == 0.4


async def test_swarmui_answering_200_with_an_error(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with swarming(exports, intake, studio) as (swarm, rig):
        assert seconds_of(await rig.run(0.4)) == 0.4
        swarm.token = "another"
        swarm.sessions.clear()
        await until(lambda: states(rig)["studio0"] == "down")
        told = failure(await rig.run(0.8), "nodes_missing")
        assert "Invalid or unauthorized" in told
        assert "swarm_token" in told
        swarm.token = None
        await until(lambda: states(rig)["studio0"] == "up")
        assert seconds_of(await rig.run(0.8)) == 0.8


async def test_swarmuis_backend_changing_under_us(
    studio: Studio, other: Studio, exports: Path, intake: IntakePool
) -> None:
    """The ComfyUI that our prompt was pinned to is switched off: the run moves to the other, and is not lost."""
    async with swarming(exports, intake, studio, other) as (swarm, rig):
        await until(lambda: len(states(rig)) == 3)
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        swarm.backends[0].status = "disabled"
        moved = await rig.ended(run_id)
        assert (seconds_of(moved), attempts_of(moved), backend_of(moved)) == (1.0, 2, "studio0#1")
        assert codes(moved) == ["attempt_1_1_lost"]
        assert backend_of(await rig.run(0.4)) == "studio0#1"


async def test_a_dead_comfyui_by_its_address_ends_no_run(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """SwarmUI goes on calling it running, takes sockets, and answers prompts with 400 and nothing in it."""
    async with swarming(exports, intake, studio, kind="comfyui_api", probe_s=3600) as (_, rig):
        assert seconds_of(await rig.run(0.3)) == 0.3
        await studio.stop()
        runs = [await rig.accept(0.4)]
        await until(lambda: states(rig) == {"studio0": "down", "studio0#0": "down"})
        assert "no ComfyUI behind it does" in rig.backend.problem
        for number in range(1, 6):
            runs.append(await rig.accept(0.4 + number / 10))
            await rig.app.pool.refresh()  # each time it is called running
            assert states(rig) == {"studio0": "down", "studio0#0": "down"}
        await studio.start()
        ended = [await rig.ended(run_id) for run_id in runs]
    assert [seconds_of(answer) for answer in ended] == [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert "answered 400: nothing" in str(ended[0].body["warnings"])
    assert studio.states() == ["success"] * 6


async def test_accounts_that_are_switched_on_are_told_as_such(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    """The page is the one of a SwarmUI without a ComfyUI; its status says what it is about."""
    async with swarming(exports, intake, studio) as (swarm, rig):
        assert seconds_of(await rig.run(0.3)) == 0.3
        swarm.token = "right"
        run_id = await rig.accept(0.4)
        await until(lambda: states(rig).get("studio0#0") == "down")
        problem = rig.app.pool.describe()[1].problem
        assert "swarm_token" in problem
        assert "no running ComfyUI" not in problem
        swarm.token = None
        assert seconds_of(await rig.ended(run_id)) == 0.4


async def test_a_swarmui_behind_a_swarmui_serves(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """It is in the list under a number that may not be asked for, and everything goes through without one."""
    inner = SwarmUI([Behind(studio.url, studio.output)])
    async with serving(inner) as url:
        outer = SwarmUI([Behind(url, type="swarmswarmbackend")])
        async with serving(outer) as outer_url, rigged(exports, intake, outer_url) as rig:
            assert states(rig) == {"studio0": "up", "studio0#any": "up"}
            assert backend_of(await rig.run(0.4)) == "studio0#any"
            studio.gate.hold(1.0)
            run_id = await rig.accept(1.0)
            await until(lambda: studio.running)
            await rig.app.runs.cancel(run_id, "local")
            await rig.ended(run_id)
            await until(lambda: studio.states()[-1] == "error")
