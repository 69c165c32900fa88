"""What went wrong in the program whose requests ours takes: one run in another, values, media and text lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from devserver.errors import InputError
from devserver.media.intake import IntakePool
from tests.faults.rig import Studio, files_in, request, rigged, seconds_of, until

EXECUTE = "/api/schema/pipeline/execute"
QUOTED = 'He said "no" \\ {"a": 1} ${text} {{x}} %s\n<b>&amp;</b> \N{MUSICAL SYMBOL G CLEF}'


def graphs_of(exports: Path, run_id: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in files_in(exports / run_id, "*.bound.json")]


async def test_parameters_that_are_silently_dead(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """Every value that was asked for is in the graph that was submitted, as a number; an unknown name is refused."""
    async with rigged(exports, intake, studio) as rig:
        params = {"seconds": 0.4, "sample_rate": 32000, "channels": 1, "quality": "128k"}
        answer = await rig.ended(await rig.start({**request(0.4), "params": params}))
        assert seconds_of(answer) == 0.4
        (graph,) = graphs_of(exports, answer.body["run_id"])
        assert graph["1"]["inputs"] == {"duration": 0.4, "sample_rate": 32000, "channels": 1}
        assert graph["2"]["inputs"]["quality"] == "128k"
        assert answer.body["media_output"]["metadata"]["facts"]["sample_rate_hz"] == 32000
        with pytest.raises(InputError, match="SECONDS") as refused:
            await rig.accept(0.4, params={"SECONDS": 1})
        assert "seconds" in str(refused.value.allowed)


async def test_a_run_that_is_built_from_another_runs_config(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """Two kinds of runs at once, many times: each is made by its own config, with its own values."""
    asked = [("dada", 0.3), ("plain", 0.5), ("haiku", 0.7), ("spoonerism", 0.9)] * 3
    async with rigged(exports, intake, studio) as rig:
        runs = [
            await rig.accept(seconds, schema=schema, input_text=f"text {n}")
            for n, (schema, seconds) in enumerate(asked)
        ]
        answers = [await rig.ended(run_id) for run_id in runs]
    assert [(answer.body["schema"], seconds_of(answer)) for answer in answers] == asked
    assert [answer.body["input_text"] for answer in answers] == [f"text {n}" for n in range(len(asked))]


async def test_text_that_leaks_into_the_next_run(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig:
        secret = "the gardener's password is hollyhock"
        first, second = await rig.run(0.4, input_text=secret), await rig.run(0.4, input_text="a quiet sea")
        third = await rig.accept(0.4, input_text=secret)
        fourth = await rig.run(0.4, input_text="a loud sea")
        await rig.ended(third)
    assert first.body["run_id"] != second.body["run_id"]
    for answer in (second, fourth):
        folder = files_in(exports / answer.body["run_id"], "**/*")
        assert folder
        assert not [path.name for path in folder if path.is_file() and b"hollyhock" in path.read_bytes()]


async def test_a_text_with_quotation_marks_that_breaks_the_graph(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    async with rigged(exports, intake, studio) as rig:
        music = {"output_config": "procedural_instrumental", "params": {"seconds": 5}}
        answer = await rig.ended(await rig.start({**request(5, input_text=QUOTED), **music}))
        assert answer.status == 200, answer.body
        assert answer.body["input_text"] == QUOTED
    (graph,) = graphs_of(exports, answer.body["run_id"])
    assert QUOTED in [value for node in graph.values() for value in node["inputs"].values()]
    folder = exports / answer.body["run_id"]
    assert files_in(folder, "02_input.txt")[0].read_text("utf8") == QUOTED
    assert json.loads(files_in(folder, "metadata.json")[0].read_bytes())["request"]["input_text"] == QUOTED


async def test_runs_that_keep_every_thread_waiting(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """More requests wait than there are threads; every other route still answers."""
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        studio.gate.hold(1.0)
        waiting = [asyncio.ensure_future(client.post(EXECUTE, json=request(1.0))) for _ in range(16)]
        await until(lambda: rig.app.dispatcher.walking == len(waiting))
        for path in ("/health", "/ready", "/api/runs", "/openapi.json"):
            async with client.get(path) as response:
                assert response.status == 200, path
        assert not any(task.done() for task in waiting)
        studio.gate.release()
        statuses = [(await task).status for task in waiting]
    assert statuses == [200] * len(waiting)


async def test_an_id_of_the_request_that_becomes_a_path(studio: Studio, exports: Path, intake: IntakePool) -> None:
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        before = files_in(exports.parent, "*")
        body = {**request(0.4), "device_id": "../../../pwned", "run_id": "../pwned", "user_id": "../../pwned"}
        async with client.post(EXECUTE, json=body) as response:
            assert response.status in (200, 400, 422)
        async with client.get("/api/runs/..%2f..%2fpwned") as response:
            assert response.status in (400, 404)
        assert files_in(exports.parent, "*") == before
        assert not files_in(exports.parent, "**/*pwned*")


async def test_a_record_that_is_half_written(studio: Studio, exports: Path, intake: IntakePool) -> None:
    """Each record is a file of its own, put in the place of the one before: who reads that one goes on reading it."""
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        record, seen = exports / run_id / "metadata.json", exports.parent / "seen.json"
        await until(lambda: files_in(exports / run_id, record.name))
        seen.hardlink_to(record)  # the file itself, whatever its name shows later
        before = seen.read_bytes()
        studio.gate.release()
        await rig.ended(run_id)
    assert json.loads(before)["status"] in ("queued", "running")
    assert files_in(exports.parent, "seen.json")[0].read_bytes() == before
    assert json.loads(files_in(exports, "*/metadata.json")[0].read_bytes())["status"] == "success"
