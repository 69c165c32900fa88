"""What /openapi.json promises, held against what a real server answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientSession
from openapi_schema_validator import OAS31Validator

from tests.my_app.api import Api

EXECUTE = "/api/schema/pipeline/execute"
SILENCE = {"input_text": "hush", "output_config": "silence_mp3"}


async def test_a_run_from_its_request_to_its_repetition(api: Api) -> None:
    status, done = await api.ask("POST", EXECUTE, SILENCE)
    assert (status, done["status"]) == (200, "success")
    run_id = done["run_id"]
    _, shown = await api.ask("GET", "/api/runs/{run_id}", run_id=run_id)
    assert shown["status"] == "success"
    assert (await api.ask("GET", "/api/runs/{run_id}/answer", run_id=run_id)) == (200, done)
    status, again = await api.ask("POST", "/api/runs/{run_id}/rerun", run_id=run_id)
    assert status == 202
    _, listed = await api.ask("GET", "/api/runs")
    assert {run_id, again["run_id"]} <= {run["run_id"] for run in listed["runs"]}
    assert (await api.ask("POST", "/api/runs/{run_id}/cancel", run_id=run_id))[0] == 409


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"input_text": "a murder", "safety_level": "kids"}, 403),
        ({"schema": "nowhere"}, 404),
        ({"output_config": "acestep_instrumental", "fallback": False}, 409),
        ({"params": {"seconds": 1e9}}, 422),
        ({"params": {"secnds": 1}}, 422),
        ({"wait": "no"}, 422),
        ({"wait": False}, 202),
    ],
)
async def test_every_status_keeps_its_shape(api: Api, wrong: dict[str, Any], status: int) -> None:
    got, _ = await api.ask("POST", EXECUTE, {**SILENCE, **wrong})
    assert got == status


@pytest.mark.parametrize("noun", ["schemas", "outputs", "pipelines", "chunks"])
async def test_what_there_is_has_names(api: Api, noun: str) -> None:
    _, listed = await api.ask("GET", f"/api/schema/{noun}")
    assert all(definition["name"] and definition["description"]["de"] for definition in listed[noun])


async def test_how_the_definitions_stand_keeps_its_shape(api: Api) -> None:
    status, told = await api.ask("GET", "/api/schema/status")
    assert (status, told["state"], told["version"]) == (200, "ok", 1)


async def test_events_keep_their_shape(api: Api, server: str) -> None:
    schema = {"$ref": "#/components/schemas/Event", "components": api.document["components"]}
    body = {**SILENCE, "enable_streaming": True}
    async with ClientSession(server) as http, http.post(EXECUTE, json=body) as reply:
        told = [json.loads(line[6:]) for line in (await reply.text()).splitlines() if line.startswith("data: ")]
    assert len(told) > 5
    for event in told[:-1]:
        OAS31Validator({**schema, "components": api.document["components"]}).validate(event)


async def test_how_the_server_is(api: Api) -> None:
    for path in ("/health", "/ready"):
        assert (await api.ask("GET", path))[0] == 200
