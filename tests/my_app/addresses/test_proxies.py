"""Users whom a proxy names: only a named proxy is believed, and nobody gets another one's rights by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from aiohttp import ClientSession

from my_app.addresses.proxies import Proxies
from my_app.door.context import FrontSettings
from tests.my_app.door.test_opened import read_to_the_end
from tests.my_app.still import PUBLIC, Still

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}
HEADER = "X-Remote-User"


@asynccontextmanager
async def behind(still: Still, *networks: str) -> AsyncIterator[ClientSession]:
    """A client of a front that believes these proxies; the client itself comes from 127.0.0.1."""
    proxies = Proxies(tuple(ip_network(network) for network in networks), HEADER)
    settings = FrontSettings(PUBLIC, proxies=proxies, exposed=True, heartbeat_s=0.05, requests_per_key=3)
    async with still.client(settings) as client:
        yield client


@pytest.fixture
async def named(still: Still) -> AsyncIterator[ClientSession]:
    still.app.keys.add("root", admin=True)
    async with behind(still, "127.0.0.1") as client:
        yield client


async def who(client: ClientSession, user: str, **more: str) -> dict[str, object]:
    async with client.get("/api/session", headers={HEADER: user, **more}) as reply:
        assert reply.status == 200, await reply.text()
        told = await reply.json()
        return {name: told[name] for name in ("user", "admin", "keys")}


async def execute(client: ClientSession, user: str) -> str:
    async with client.post(EXECUTE, json=REQUEST, headers={HEADER: user}) as reply:
        assert reply.status == 202
        return str((await reply.json())["run_id"])


async def test_a_new_name_is_a_user_and_a_keys_name_has_its_rights(named: ClientSession, still: Still) -> None:
    assert await who(named, "Anna.Meier@school.example") == {
        "user": "Anna.Meier@school.example",
        "admin": False,
        "keys": False,
    }
    assert await who(named, "root") == {"user": "root", "admin": True, "keys": False}
    own, other = await execute(named, "anna"), await execute(named, "bob")
    assert await still.users() == {own: "anna", other: "bob"}
    for user, run_id, status in (("anna", own, 200), ("anna", other, 404), ("root", other, 200), ("Root", other, 404)):
        async with named.get(f"/api/runs/{run_id}", headers={HEADER: user}) as reply:
            assert reply.status == status, (user, run_id)
    async with named.get("/api/keys", headers={HEADER: "anna"}) as reply:
        assert reply.status == 403


async def test_the_proxy_says_who_it_is_whatever_key_comes_along(named: ClientSession, still: Still) -> None:
    secret = still.app.keys.add("carl", admin=True)
    assert (await who(named, "anna", Authorization=f"Bearer {secret}"))["user"] == "anna"
    async with named.get("/api/session", headers={"Authorization": f"Bearer {secret}"}) as reply:
        assert (await reply.json())["user"] == "carl"


async def test_without_the_header_a_key_is_needed(named: ClientSession) -> None:
    for headers in ({}, {HEADER: ""}):
        async with named.get("/api/runs", headers=headers) as reply:
            assert reply.status == 401


async def test_from_anybody_else_the_header_is_nothing(still: Still, caplog: pytest.LogCaptureFixture) -> None:
    secret = still.app.keys.add("anna")
    still.app.keys.add("root", admin=True)
    async with behind(still, "127.0.0.2", "10.0.0.0/8") as client:
        for _ in range(3):
            async with client.get("/api/runs", headers={HEADER: "root"}) as reply:
                assert reply.status == 401
        assert (await who(client, "root", Authorization=f"Bearer {secret}"))["user"] == "anna"
    assert [line.message.split(" is ")[0] for line in caplog.records] == [f"{HEADER} from 127.0.0.1"], (
        "once, not each time"
    )


async def test_no_keys_make_nobody_an_admin_by_proxy(still: Still) -> None:
    async with behind(still, "127.0.0.1") as client:
        assert await who(client, "anna") == {"user": "anna", "admin": False, "keys": False}
        other = await execute(client, "bob")
        async with client.get(f"/api/runs/{other}", headers={HEADER: "anna"}) as reply:
            assert reply.status == 404
        async with client.get("/api/runs") as reply:
            assert reply.status == 401


async def test_nobody_is_local_by_proxy_unless_there_is_such_a_key(named: ClientSession, still: Still) -> None:
    async with named.get("/api/runs", headers={HEADER: "local"}) as reply:
        assert (reply.status, (await reply.json())["error"]["value"]) == (403, "local")
    still.app.keys.add("local")
    assert (await who(named, "local"))["user"] == "local"


@pytest.mark.parametrize("name", ["-x", "a b", "a,b", "a/b", "a" * 129, "<b>", "ä", "'; --", "a\\b"])
async def test_a_name_that_is_none_is_refused(named: ClientSession, name: str) -> None:
    async with named.get("/api/runs", headers={HEADER: name}) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"]) == (400, HEADER)
        assert len(error["value"]) <= 200


async def test_two_names_are_none(named: ClientSession) -> None:
    async with named.get("/api/runs", headers=[(HEADER, "root"), (HEADER, "anna")]) as reply:
        assert reply.status == 400


async def test_a_users_requests_are_counted_by_name(named: ClientSession) -> None:
    streams = [await named.get("/api/events", headers={HEADER: "anna"}) for _ in range(3)]
    assert [stream.status for stream in streams] == [200] * 3
    for user, status in (("anna", 429), ("bob", 200)):
        async with named.get("/api/runs", headers={HEADER: user}) as reply:
            assert reply.status == status
    for stream in streams:
        stream.close()


async def test_an_open_stream_ends_with_its_key_and_stays_without_one(still: Still, named: ClientSession) -> None:
    keys = still.app.keys
    keys.add("carl", admin=True)
    pupil = await named.get("/api/events", headers={HEADER: "anna"})
    admin = await named.get("/api/events", headers={HEADER: "carl"})
    await still.until_listening(2)
    keys.remove("carl")
    await read_to_the_end(admin)
    await still.until_listening(1)
    run_id = await execute(named, "anna")
    while run_id.encode() not in await pupil.content.readline():
        pass
    pupil.close()


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("::1", False),
        ("fe80::1%eth0", True),
        ("", False),
        (None, False),
    ],
)
def test_the_address_of_a_proxy(address: str | None, trusted: bool) -> None:
    assert Proxies((ip_network("127.0.0.1"), ip_network("fe80::/64"))).trusts(address) == trusted
