"""What there is to start, for whom; and a start."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from devserver.users.rights import Rights
from tests.doubles.pools import add_backend
from tests.my_app.still import Still

EXECUTE = "/api/schema/pipeline/execute"


async def listed(client: ClientSession, noun: str, **headers: str) -> list[dict[str, Any]]:
    async with client.get(f"/api/schema/{noun}", headers=headers) as reply:
        assert reply.status == 200, await reply.text()
        found: list[dict[str, Any]] = (await reply.json())[noun.partition("?")[0]]
        return found


@pytest.mark.parametrize(
    ("noun", "of_catalog"),
    [("schemas", "interceptions"), ("outputs", "outputs"), ("pipelines", "pipelines"), ("chunks", "chunks")],
)
async def test_every_definition_in_force_is_listed(
    client: ClientSession, still: Still, noun: str, of_catalog: str
) -> None:
    assert [one["name"] for one in await listed(client, noun)] == list(
        getattr(still.app.definitions.catalog, of_catalog)
    )


async def test_a_key_that_may_ask_for_one_output_sees_that_one_alone(client: ClientSession, still: Still) -> None:
    secret = still.app.keys.add("eve", rights=Rights(outputs=("silence_mp3",)))
    found = await listed(client, "outputs", Authorization=f"Bearer {secret}")
    assert [one["name"] for one in found] == ["silence_mp3"]


async def test_an_output_says_whether_a_backend_can_run_it_where_that_is_asked(
    client: ClientSession, still: Still
) -> None:
    add_backend(still.app.pool, "gpu")
    for output in await listed(client, "outputs?backend=gpu"):
        assert (output["backend"]["name"], output["backend"]["can_run"]) == ("gpu", False), output["name"]
    assert all(output.get("backend") is None for output in await listed(client, "outputs"))
    async with client.get("/api/schema/outputs?backend=none") as reply:
        assert (reply.status, (await reply.json())["error"]["field"]) == (404, "backend")


async def test_the_definitions_say_how_they_stand(client: ClientSession) -> None:
    async with client.get("/api/schema/status") as reply:
        told = await reply.json()
        assert (told["state"], told["problems"]) == ("ok", [])


async def test_a_start_is_kept_under_who_asked_and_as_it_was_asked(client: ClientSession, still: Still) -> None:
    secret = still.app.keys.add("anna")
    body = {"input_text": "slow blues", "output_config": "silence_mp3", "wait": False}
    async with client.post(EXECUTE, json=body, headers={"Authorization": f"Bearer {secret}"}) as reply:
        run_id = (await reply.json())["run_id"]
        assert (reply.status, reply.headers["Location"]) == (202, f"/api/runs/{run_id}")
    assert await still.users() == {run_id: "anna"}


async def test_a_start_without_a_text_is_no_request(client: ClientSession, still: Still) -> None:
    async with client.post(EXECUTE, json={"output_config": "silence_mp3"}) as reply:
        assert (reply.status, (await reply.json())["error"]["field"]) == (400, "input_text")
    assert await still.users() == {}
