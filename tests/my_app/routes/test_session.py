"""Signing in and out: which cookie a browser is given, and what a user may ask for."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from ipaddress import ip_network

import pytest
from aiohttp import ClientResponse, ClientSession

from devserver.users.rights import Rights
from devserver.users.sessions import LASTS
from my_app.addresses.proxies import Proxies
from my_app.addresses.public_urls import PublicUrl
from my_app.door.context import FrontSettings
from my_app.incoming.credentials import COOKIE
from my_app.routes.session import LARGEST_BYTES
from schemas.model import LEVELS
from tests.my_app.still import PUBLIC, Still

SESSION = "/api/session"


@pytest.fixture
def secret(still: Still) -> str:
    return still.app.keys.add("anna", rights=Rights("youth", queue_limit=3))


def cookie_of(reply: ClientResponse) -> Morsel[str]:
    return SimpleCookie(reply.headers["Set-Cookie"])[COOKIE]


async def test_without_keys_everybody_is_the_one_local_user(client: ClientSession) -> None:
    async with client.get(SESSION) as reply:
        told = {"user": "local", "admin": True, "keys": False, "safety_levels": list(LEVELS), "queue_limit": 0}
        assert (reply.status, await reply.json()) == (200, told)
    async with client.post(SESSION, json={"key": "x"}) as reply:
        assert (reply.status, (await reply.json())["error"]["message_code"]) == (409, "no_keys_here")


async def test_signing_in_tells_the_user_and_what_may_be_asked_for(client: ClientSession, secret: str) -> None:
    told = {"user": "anna", "admin": False, "keys": True, "safety_levels": ["youth", "kids"], "queue_limit": 3}
    async with client.post(SESSION, json={"key": f" {secret}\n"}) as reply:
        assert (reply.status, await reply.json()) == (201, told)
        cookie = cookie_of(reply)
    async with client.get(SESSION, headers={"Cookie": f"{COOKIE}={cookie.value}"}) as reply:
        assert (reply.status, await reply.json()) == (200, told)


async def test_the_cookie_is_for_this_server_alone_and_for_no_script(client: ClientSession, secret: str) -> None:
    async with client.post(SESSION, json={"key": secret}) as reply:
        cookie = cookie_of(reply)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert int(cookie["max-age"]) == LASTS.total_seconds()
    assert not cookie["secure"], "a browser would not send it back over plain HTTP"
    assert secret not in cookie.value


async def test_below_a_path_and_behind_https_the_cookie_is_for_that_path_and_for_https(
    still: Still, secret: str
) -> None:
    studio = PublicUrl.read("https://studio.example.org/music")
    settings = FrontSettings(PUBLIC, (studio,), Proxies((ip_network("127.0.0.1"),)))
    headers = {"Host": "studio.example.org", "X-Forwarded-Prefix": "/music"}
    async with still.client(settings) as client, client.post(SESSION, json={"key": secret}, headers=headers) as reply:
        cookie = cookie_of(reply)
    assert (reply.status, cookie["path"], cookie["secure"]) == (201, "/music", True)


async def test_signing_out_ends_the_session_and_takes_the_cookie_back(client: ClientSession, secret: str) -> None:
    async with client.post(SESSION, json={"key": secret}) as reply:
        shown = {"Cookie": f"{COOKIE}={cookie_of(reply).value}"}
    async with client.delete(SESSION, headers=shown) as reply:
        assert (reply.status, cookie_of(reply).value, cookie_of(reply)["max-age"]) == (204, "", "0")
    async with client.get(SESSION, headers=shown) as reply:
        assert reply.status == 401
    async with client.delete(SESSION) as reply:
        assert reply.status == 204, "to sign out twice is no mistake"


async def test_a_wrong_key_begins_nothing(client: ClientSession, secret: str) -> None:
    async with client.post(SESSION, json={"key": secret + "x"}) as reply:
        assert (reply.status, "Set-Cookie" in reply.headers) == (401, False)
    async with client.post(SESSION, json={"key": "x" * LARGEST_BYTES}) as reply:
        assert reply.status == 413


@pytest.mark.usefixtures("secret")
async def test_the_session_of_a_user_whom_a_proxy_names_is_the_proxys_to_end(still: Still) -> None:
    settings = FrontSettings(PUBLIC, proxies=Proxies((ip_network("127.0.0.1"),), "X-Remote-User"))
    async with still.client(settings) as client, client.get(SESSION, headers={"X-Remote-User": "anna"}) as reply:
        told = await reply.json()
        assert (told["user"], told["keys"]) == ("anna", False)
