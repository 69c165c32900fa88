"""A key that is taken away ends what was begun with it, and nothing else."""

from __future__ import annotations

import asyncio

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from devserver.model.events import OtherData
from my_app.front import Listening
from tests.my_app.still import Still
from tests.patience import PATIENCE_S

EXECUTE = "/api/schema/pipeline/execute"


def client_of(front: Listening, secret: str = "") -> ClientSession:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return ClientSession(front.url, headers=headers, timeout=ClientTimeout(PATIENCE_S))


async def read_to_the_end(reply: ClientResponse) -> bytes:
    """Everything that a stream still tells; a connection that is cut is an end as well."""
    told = b""
    try:
        async for block in reply.content.iter_any():
            told += block
    except ClientError:
        pass
    finally:
        reply.close()
    return told


async def test_a_removed_key_ends_its_streams_and_what_waits(front: Listening, still: Still) -> None:
    keys = still.app.keys
    async with client_of(front, keys.add("bob")) as bob, client_of(front, keys.add("anna", admin=True)) as anna:
        waiting = asyncio.create_task(bob.post(EXECUTE, json={"input_text": "x"}))
        await still.until_listening(1)
        preferring = asyncio.create_task(
            bob.post(EXECUTE, json={"input_text": "x"}, headers={"Prefer": "wait=60"}),
        )
        await still.until_listening(2)
        streams = [await bob.get("/api/events"), await bob.get(f"/api/runs/{next(iter(await still.users()))}/events")]
        streams.append(await bob.post(EXECUTE, json={"input_text": "x", "enable_streaming": True}))
        kept = await anna.get("/api/events")
        await still.until_listening(6)
        keys.remove("bob")
        for asked in (waiting, preferring):
            reply = await asked
            assert (reply.status, (await reply.json())["error"]["code"]) == (401, "unauthorized")
        for stream in streams:
            await read_to_the_end(stream)
        await still.until_listening(1)
        still.app.bus.tell(None, OtherData.of("definitions", {"still": "here"}))
        while b"still" not in await kept.content.readline():
            pass
        kept.close()
    assert len(await still.users()) == 3, "the runs stay"


async def test_a_key_of_the_same_name_is_another_one(front: Listening, still: Still) -> None:
    keys = still.app.keys
    async with client_of(front, keys.add("bob", admin=True)) as bob:
        stream = await bob.get("/api/events")
        keys.remove("bob")
        keys.add("bob")
        await read_to_the_end(stream)
        await still.until_listening(0)


async def test_a_session_ends_with_its_key(front: Listening, still: Still) -> None:
    keys = still.app.keys
    async with client_of(front) as browser:
        async with browser.post("/api/session", json={"key": keys.add("bob")}) as reply:
            cookie = reply.headers["Set-Cookie"].partition(";")[0]
        stream = await browser.get("/api/events", headers={"Cookie": cookie})
        keys.remove("bob")
        await read_to_the_end(stream)


async def test_the_first_key_ends_what_was_begun_without_one(front: Listening, still: Still) -> None:
    async with client_of(front) as nobody:
        stream = await nobody.get("/api/events")
        await still.until_listening(1)
        still.app.keys.add("anna")
        await read_to_the_end(stream)
        await still.until_listening(0)


async def test_a_keys_file_that_cannot_be_read_ends_everything(front: Listening, still: Still) -> None:
    keys = still.app.keys
    async with client_of(front, keys.add("bob")) as bob:
        stream = await bob.get("/api/events")
        (still.app.exports.state / "keys.json").write_text("{")
        await read_to_the_end(stream)
        await still.until_listening(0)
