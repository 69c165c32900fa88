"""The queue of a backend: others use it too, it forgets, it lies about what it deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devserver.host.host import Host
from devserver.media.intake import IntakePool
from tests.doubles.peer_faults import DeletesNothing, EndsBetweenQuestions, OwnRefusal, SuccessBeforeHistory, length_of
from tests.faults.rig import Studio, attempts_of, codes, failure, rigged, seconds_of, until

STRANGER = {
    "1": {"class_type": "EmptyAudio", "inputs": {"duration": 7.7, "sample_rate": 44100, "channels": 2}},
    "2": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["1", 0], "filename_prefix": "audio/a", "quality": "V0"}},
}


@asynccontextmanager
async def replaced(studio: Studio, kind: type[Host]) -> AsyncIterator[Studio]:
    """The same backend, started again with a fault."""
    await studio.stop()
    studio.kind = kind
    await studio.start()
    yield studio


async def post(studio: Studio, path: str, **body: Any) -> None:
    async with aiohttp.ClientSession(studio.url) as stranger, stranger.post(path, json=body) as response:
        assert response.status == 200


async def test_cancel_of_a_queued_job_that_runs_anyway(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with replaced(studio, DeletesNothing), rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0, 2.0)
        first = await rig.accept(1.0)
        await until(lambda: studio.running)
        queued = await rig.accept(2.0)
        await until(lambda: len(studio.host.prompts) == 2)
        await rig.app.runs.cancel(queued, "local")
        studio.gate.release(1.0)  # the host now begins what it said was deleted
        answer = await rig.ended(queued)
        assert (answer.status, answer.body["status"]) == (409, "cancelled")
        assert seconds_of(await rig.ended(first)) == 1.0
        await until(lambda: not len(studio.host.prompts), "the host still runs what was cancelled")
        assert studio.states() == ["success", "error"]
        assert seconds_of(await rig.run(0.4)) == 0.4


async def test_the_history_queue_race_that_calls_a_finished_job_lost(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with replaced(studio, EndsBetweenQuestions), rigged(exports, intake, studio) as rig:
        answers = [await rig.run(seconds) for seconds in (0.4, 0.8)]
    assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(0.4, 1), (0.8, 1)]
    assert len(studio.submitted) == 2


async def test_execution_success_before_history(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with replaced(studio, SuccessBeforeHistory), rigged(exports, intake, studio, poll_s=1) as rig:
        answers = await asyncio.gather(rig.run(0.4), rig.run(0.8))
    assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(0.4, 1), (0.8, 1)]


async def test_a_pending_prompt_deleted_by_someone_else(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        runs, waiting = [await rig.accept(1.0)], studio.host.prompts.pending
        await until(lambda: studio.running)
        runs.append(await rig.accept(2.0))
        await until(waiting)
        deleted = waiting()[0].prompt_id
        await post(studio, "/queue", delete=[deleted])
        studio.gate.release()
        answers = [await rig.ended(run_id) for run_id in runs]
    assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(1.0, 1), (2.0, 2)]
    assert codes(answers[1]) == ["attempt_1_1_lost"]
    assert deleted not in studio.host.prompts.history


async def test_a_backend_restarted_with_an_empty_history(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        runs = [await rig.accept(1.0), await rig.accept(2.0)]
        await until(lambda: len(studio.host.prompts) == 2)
        await studio.stop()
        await studio.start()
        answers = [await rig.ended(run_id) for run_id in runs]
        assert [(seconds_of(answer), attempts_of(answer)) for answer in answers] == [(1.0, 2), (2.0, 2)]
        assert seconds_of(await rig.run(0.4)) == 0.4


async def test_equal_ids_and_numbers(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """A ComfyUI that gets two equal numbers stops for ever, and mixes up equal ids: over runs, reruns and attempts."""
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        runs = [await rig.accept(1.0, seed=1), await rig.accept(1.0, seed=1)]
        await until(lambda: len(studio.host.prompts) == 2)
        await post(studio, "/queue", delete=[prompt.prompt_id for prompt in studio.host.prompts.pending()])
        studio.gate.release()
        answers = [await rig.ended(run_id) for run_id in runs]
        answers.append(await rig.ended((await rig.app.runs.rerun(runs[0], "local", {})).run_id))
    assert sum(attempts_of(answer) for answer in answers) == 4
    assert len({body["prompt_id"] for body in studio.submitted}) == 4
    assert not [body for body in studio.submitted if "number" in body or "front" in body]


async def test_another_users_runs_on_the_same_backend(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """Theirs is before ours, and after: ours is cancelled, and theirs goes on; their files are not ours."""
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(7.7, 2.0)
        await post(studio, "/prompt", prompt=STRANGER, client_id="a stranger", prompt_id="theirs")
        ours, cancelled = await rig.accept(1.0), await rig.accept(2.0)
        await until(lambda: len(studio.host.prompts) == 3)
        await post(studio, "/prompt", prompt=STRANGER, client_id=rig.backend.follower.client_id, prompt_id="theirs too")
        await rig.app.runs.cancel(cancelled, "local")
        assert (await rig.ended(cancelled)).body["status"] == "cancelled"
        assert studio.running is not None
        assert studio.running.prompt_id == "theirs"
        studio.gate.release()
        assert seconds_of(await rig.ended(ours)) == 1.0
        await until(lambda: len(studio.states()) == 3)
    assert set(studio.states()) == {"success"}


async def test_a_stranger_who_interrupts_whatever_runs(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        stopped, other = await rig.accept(1.0), await rig.accept(2.0)
        await until(lambda: studio.running and length_of(studio.running) == 1.0)
        await post(studio, "/interrupt")
        assert "Run it again" in failure(await rig.ended(stopped), "interrupted")
        assert seconds_of(await rig.ended(other)) == 2.0


async def test_a_graph_that_the_backend_refuses_is_told_with_what_is_allowed(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with replaced(studio, OwnRefusal), rigged(exports, intake, studio) as rig:
        answer = await rig.run(0.4)
        told = failure(answer, "graph_refused")
    assert "SaveAudioMP3" in told
    assert "allowed: V0, 128k, 320k" in told
    assert answer.status == 502


@pytest.mark.parametrize("clients", [33])
async def test_client_disconnects_in_mid_request(
    studio: Studio, exports: Path, intake: IntakePool, clients: int
) -> None:
    """Their runs go on, the backend stays usable, and nobody else notices."""
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        studio.gate.hold(1.0)
        path = "/api/schema/pipeline/execute"
        body = {"input_text": "x", "safety_level": "off", "output_config": "silence_mp3", "params": {"seconds": 1.0}}
        waiting = [asyncio.ensure_future(client.post(path, json=body)) for _ in range(clients)]
        await until(lambda: rig.app.dispatcher.walking == clients)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with client.get("/health") as response:
            assert response.status == 200
        studio.gate.release()
        async with client.post(path, json={**body, "params": {"seconds": 0.4}}) as response:
            assert response.status == 200
        await until(lambda: not rig.app.dispatcher.walking)
        async with client.get("/api/runs?limit=100") as response:
            runs = (await response.json())["runs"]
    assert [run["status"] for run in runs] == ["success"] * (clients + 1)
