"""Sign-in for browsers: the key is sent once, then a cookie replaces it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from devserver.errors import InputError
from devserver.runs.runs import Runs
from devserver.users.keys import LONGEST_KEY, Keys
from devserver.users.sessions import LASTS, Sessions
from my_app.addresses.below import prefix_of
from my_app.addresses.public_urls import called_by
from my_app.answers.errors import json_response
from my_app.door.auth import refuse_key
from my_app.door.context import FrontSettings
from my_app.door.visitors import Visitor
from my_app.incoming.credentials import COOKIE
from my_app.views.route import Route
from my_app.views.shapes import Count, Shown
from schemas.model import Level

LARGEST_BYTES: Final = 4096


class SignIn(BaseModel):
    """The body of `POST /api/session`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"key": "tonewright_..."}]})

    key: str = Field(min_length=1, max_length=LONGEST_KEY)


class Who(Shown):
    """The user of the request, and their rights."""

    user: str
    admin: bool = Field(description="whether everybody's runs are seen")
    keys: bool = Field(description="whether there are keys, and so a session to end")
    safety_levels: list[Level] = Field(description="those that a request may have, the laxest first")
    queue_limit: Count = Field(description="how many runs of the key's own may be unfinished; 0 is any number")


async def begin(
    *, request: web.Request, settings: FrontSettings, keys: Keys, sessions: Sessions, runs: Runs, body: SignIn
) -> Annotated[web.StreamResponse, Who]:
    """Sign in.

    Show a key and get the cookie of a session: HttpOnly, SameSite=Strict, and good for 30 days or until DELETE.
    """
    if not keys.all:
        raise InputError("no_keys_here", status=409)
    key = keys.find(body.key.strip())
    if key is None:
        return refuse_key(request, body.key)
    token = await asyncio.to_thread(sessions.begin, key)
    response = json_response(HTTPStatus.CREATED, _describe(runs, key.name, admin=key.admin, keys=True).model_dump())
    url = called_by(request.host, settings.public_urls)
    https = request.secure or (url is not None and url.origin.startswith("https:"))
    lasts_s = int(LASTS.total_seconds())
    where = prefix_of(request) or "/"
    response.set_cookie(COOKIE, token, max_age=lasts_s, path=where, httponly=True, samesite="Strict", secure=https)
    return response


async def show(request: web.Request, settings: FrontSettings, keys: Keys, runs: Runs, visitor: Visitor) -> Who:
    """Return the user of the request, and whether the server has keys."""
    by_proxy = settings.proxies.user(request) is not None  # whose session is the proxy's to end
    return _describe(runs, visitor.user_id, admin=visitor.viewer is None, keys=bool(keys.all) and not by_proxy)


def _describe(runs: Runs, user: str, *, admin: bool, keys: bool) -> Who:
    rights = runs.rights(user)
    return Who(user=user, admin=admin, keys=keys, safety_levels=list(rights.levels), queue_limit=rights.queue_limit)


async def end(request: web.Request, sessions: Sessions) -> Annotated[web.StreamResponse, None]:
    """Sign out.

    It ends the session of the cookie, in every server that shares the runs. Done where there is none.
    """
    token = request.cookies.get(COOKIE)
    if token:
        await asyncio.to_thread(sessions.end, token)
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    response.del_cookie(COOKIE, path=prefix_of(request) or "/", httponly=True, samesite="Strict")
    return response


ROUTES: Final = (
    Route("POST", "/api/session", begin, "session", (201, 401, 409, 429), max_body_bytes=LARGEST_BYTES, is_open=True),
    Route("GET", "/api/session", show, "session"),
    Route("DELETE", "/api/session", end, "session", (204,), is_open=True),
)
