"""What a text asks for, over HTTP; every answer is held against /openapi.json."""

from __future__ import annotations

import io
from typing import Any

import pytest
from aiohttp import ClientSession

from devserver.llm.chat import Endpoint
from tests.doubles.llm import LlmServer, answer
from tests.my_app.api import Api
from tests.my_app.still import Still

PATH = "/api/prompt/parse"
TEXT = "A high-energy drum and bass track at 174 bpm with a heavy reese bass"


@pytest.fixture
async def api(client: ClientSession) -> Api:
    async with client.get("/openapi.json") as reply:
        return Api(client, await reply.json())


async def test_a_text_becomes_a_brief(api: Api) -> None:
    status, answer = await api.ask("POST", PATH, {"text": TEXT})
    assert status == 200
    assert answer["brief"]["bpm"] == {"value": 174, "span": [37, 44], "confidence": 1.0, "origin": "user"}
    assert (answer["unmatched"], answer["conflicts"]) == ([], [])


async def test_what_is_locked_stays(api: Api) -> None:
    _, answer = await api.ask("POST", PATH, {"text": TEXT, "locked": {"bpm": 100, "instruments": ["piano"]}})
    assert answer["brief"]["bpm"] == {"value": 100.0, "span": None, "confidence": 1.0, "origin": "user"}
    assert answer["brief"]["instruments"]["value"] == ["piano"]
    assert {"bpm", "instruments"} == {name for conflict in answer["conflicts"] for name in conflict["fields"]}


async def test_a_language_model_helps_when_it_is_asked_for(api: Api, still: Still) -> None:
    _, alone = await api.ask("POST", PATH, {"text": TEXT, "llm": True})
    assert (alone["llm"], [one["code"] for one in alone["warnings"]]) == (None, ["llm_missing"])
    with LlmServer([answer(bpm=90, era="1990s")]) as llm:
        still.app.models.endpoints = (Endpoint("here", llm.url, "tiny"),)
        _, plain = await api.ask("POST", PATH, {"text": TEXT})
        assert (plain["brief"]["era"], plain["warnings"], llm.asked) == (None, [], [])
        _, helped = await api.ask("POST", PATH, {"text": TEXT, "llm": True, "locked": {"key": "C major"}})
        await still.app.models.close()
    assert helped["brief"]["era"] == {"value": "1990s", "span": None, "confidence": 0.8, "origin": "llm"}
    assert (helped["brief"]["bpm"]["value"], helped["brief"]["key"]["value"]) == (174, "C major")
    assert (helped["llm"]["endpoint"], helped["warnings"]) == ("here", [])


async def test_a_body_that_is_none_is_refused(client: ClientSession) -> None:
    for body, status in ((b"{", 400), (b"[]", 400), (io.BytesIO(bytes(2 << 20)), 413)):
        async with client.post(PATH, data=body) as reply:
            assert reply.status == status


@pytest.mark.parametrize("text", ["", "xyzzy", "🎹 düster", "no no no", "x" * 10_000])
async def test_any_text_is_answered(api: Api, text: str) -> None:
    status, answer = await api.ask("POST", PATH, {"text": text, "locked": None})
    assert (status, answer["brief"]["bpm"]["origin"]) == (200, "genre default")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "text"),
        ({"text": 5}, 422, "text"),
        ({"text": "x" * 10_001}, 422, "text"),
        ({"text": "x", "lock": {}}, 422, "lock"),
        ({"text": "x", "locked": {"bpm": 5}}, 422, "locked.bpm"),
        ({"text": "x", "llm": "yes"}, 422, "llm"),
        ({"text": "x", "execution_mode": "slow"}, 422, "execution_mode"),
        ({"text": "x", "locked": {"tempo": 120}}, 422, "locked.tempo"),
        ({"text": "x", "locked": [1]}, 422, "locked"),
    ],
)
async def test_what_cannot_be_read_is_named(api: Api, body: dict[str, Any], status: int, field: str) -> None:
    got, answer = await api.ask("POST", PATH, body)
    assert (got, answer["error"]["field"]) == (status, field)
