"""`/api/keys` and class codes: an admin makes and removes keys, and no key is ever shown again."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from devserver.users.rights import Rights
from my_app.front import Listening
from tests.my_app.still import Still


@pytest.fixture
def secrets(still: Still) -> dict[str, str]:
    keys = still.app.keys
    return {"root": keys.add("root", admin=True), "bob": keys.add("bob")}


async def ask(front: Listening, secret: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    async with (
        ClientSession(front.url, headers=headers) as client,
        client.request(method, path, json=body) as reply,
    ):
        return reply.status, await reply.json() if reply.status != 204 else None


async def test_an_admin_makes_lists_and_removes_keys(front: Listening, secrets: dict[str, str]) -> None:
    root = secrets["root"]
    body = {"name": "eve", "safety_floor": "kids", "queue_limit": 2, "outputs": ["silence_mp3"]}
    status, made = await ask(front, root, "POST", "/api/keys", body)
    assert (status, {name: made[name] for name in body}) == (201, body)
    status, told = await ask(front, made["key"], "GET", "/api/session")
    assert (status, told["user"], told["admin"], told["safety_levels"]) == (200, "eve", False, ["kids"])
    _, listed = await ask(front, root, "GET", "/api/keys")
    assert [key["name"] for key in listed["keys"]] == ["root", "bob", "eve"]
    assert not {"key", "hash", "id"} & set().union(*listed["keys"])
    assert made["key"] not in str(listed)
    assert (await ask(front, root, "POST", "/api/keys", body))[0] == 409
    assert await ask(front, root, "DELETE", "/api/keys/eve") == (204, None)
    assert (await ask(front, made["key"], "GET", "/api/session"))[0] == 401
    assert (await ask(front, root, "DELETE", "/api/keys/eve"))[0] == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Eve"),
        ("name", None),
        ("admin", "yes"),
        ("safety_floor", "none"),
        ("queue_limit", -1),
        ("outputs", ["nothing"]),
        ("outputs", "silence_mp3"),
        ("key", "mine"),
    ],
)
async def test_wrong_limits_are_named(front: Listening, secrets: dict[str, str], field: str, value: Any) -> None:
    status, told = await ask(front, secrets["root"], "POST", "/api/keys", {"name": "eve", field: value})
    assert (status, told["error"]["field"]) == (422, field), told
    assert told["error"]["allowed"]


async def test_only_an_admin_may_and_the_last_one_stays(front: Listening, secrets: dict[str, str]) -> None:
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/keys/root")):
        assert (await ask(front, secrets["bob"], method, path, {}))[0] == 403
        assert (await ask(front, "", method, path, {}))[0] == 401
    status, told = await ask(front, secrets["root"], "DELETE", "/api/keys/root")
    assert (status, told["error"]["field"]) == (409, "user")
    assert (await ask(front, secrets["root"], "POST", "/api/keys", {"name": "eve", "admin": True}))[0] == 201
    assert (await ask(front, secrets["root"], "DELETE", "/api/keys/root"))[0] == 204


async def test_the_first_key_is_an_admins(front: Listening) -> None:
    status, told = await ask(front, "", "POST", "/api/keys", {"name": "eve"})
    assert (status, told["error"]["field"]) == (409, "admin")
    status, made = await ask(front, "", "POST", "/api/keys", {"name": "eve", "admin": True})
    assert status == 201
    assert (await ask(front, "", "GET", "/api/keys"))[0] == 401
    assert (await ask(front, made["key"], "GET", "/api/keys"))[0] == 200


async def test_a_class_signs_in_with_codes_however_they_are_typed(front: Listening, still: Still) -> None:
    made = still.app.keys.add_class("choir", 20, Rights("youth"))
    assert list(made) == [f"choir-{number:02}" for number in range(1, 21)]
    assert len(set(made.values())) == 20
    code = made["choir-07"]
    for typed in (
        code,
        code.upper(),
        code.replace("-", " "),
        code.replace("-", "").replace("0", "o").replace("1", "l"),
    ):
        status, told = await ask(front, "", "POST", "/api/session", {"key": f" {typed} "})
        assert (status, told["user"], told["safety_levels"]) == (201, "choir-07", ["youth", "kids"])
    assert all(code not in (still.app.exports.state / "keys.json").read_text() for code in made.values())
