"""Signing in, for browsers: a key is shown once, and a cookie stands for it from then on."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from devserver.errors import InputError
from devserver.users.keys import LONGEST_KEY
from devserver.users.sessions import LASTS
from my_app.addresses import prefix_of
from my_app.auth import COOKIE, refused
from my_app.bodies import read_body, read_json
from my_app.bridge import USER_ID
from my_app.context import CONTEXT, Context
from my_app.errors import json_response
from my_app.public_urls import called_by
from my_app.route import Reply, Route
from schemas.model import LEVELS

LARGEST_BYTES: Final = 4096


async def begin(request: web.Request) -> web.StreamResponse:
    """Show a key and get the cookie of a session: HttpOnly, SameSite=Strict, and good for 30 days or until DELETE."""
    context = request.app[CONTEXT]
    body = read_json(await read_body(request, LARGEST_BYTES))
    shown = body.get("key")
    if set(body) - {"key"} or not isinstance(shown, str) or not 0 < len(shown) <= LONGEST_KEY:
        field, value = next(((name, body[name]) for name in body if name != "key"), ("key", None))
        raise InputError("Send {key: ...} alone.", field=field, value=value, allowed={"key": "text"})
    if not context.parts.keys.there:
        hint = "`python server.py keys add NAME` makes one."
        raise InputError("There are no keys here, so there is nothing to sign in to.", status=409, hint=hint)
    key = context.parts.keys.find(shown.strip())
    if key is None:
        return refused(request, shown)
    token = await asyncio.to_thread(context.parts.sessions.begin, key)
    response = json_response(HTTPStatus.CREATED, _told(context, key.name, keys=True))
    url = called_by(request.host, context.settings.public_urls)
    https = request.secure or (url is not None and url.origin.startswith("https:"))
    lasts_s = int(LASTS.total_seconds())
    where = prefix_of(request) or "/"
    response.set_cookie(COOKIE, token, max_age=lasts_s, path=where, httponly=True, samesite="Strict", secure=https)
    return response


async def show(request: web.Request) -> web.StreamResponse:
    """Who asks, and whether keys are needed here at all."""
    context = request.app[CONTEXT]
    by_proxy = context.settings.proxies.user(request) is not None  # whose session is the proxy's to end
    keys = bool(context.parts.keys.there) and not by_proxy
    return json_response(HTTPStatus.OK, _told(context, request[USER_ID], keys=keys))


def _told(context: Context, user: str, *, keys: bool) -> dict[str, Any]:
    rights = context.parts.rights(user)
    about = {"user": user, "admin": context.parts.keys.viewer(user) is None, "keys": keys}
    return {**about, "safety_levels": list(rights.levels), "queue_limit": rights.queue_limit}


async def end(request: web.Request) -> web.StreamResponse:
    """End the session of the cookie, in every server that shares the runs. Done where there is none."""
    token = request.cookies.get(COOKIE)
    if token:
        await asyncio.to_thread(request.app[CONTEXT].parts.sessions.end, token)
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    response.del_cookie(COOKIE, path=prefix_of(request) or "/", httponly=True, samesite="Strict")
    return response


WHO: Final = {
    "type": "object",
    "required": ["user", "admin", "keys", "safety_levels", "queue_limit"],
    "properties": {
        "user": {"type": "string"},
        "admin": {"type": "boolean", "description": "whether everybody's runs are seen"},
        "keys": {"type": "boolean", "description": "whether there are keys, and so a session to end"},
        "safety_levels": {
            "type": "array",
            "items": {"enum": list(LEVELS)},
            "description": "those that a request may have, the laxest first",
        },
        "queue_limit": {
            "type": "integer",
            "minimum": 0,
            "description": "how many runs of the key's own may be unfinished; 0 where the key has no limit",
        },
    },
}
ROUTES: Final = (
    Route(
        "POST",
        "/api/session",
        begin,
        "session",
        "Sign in",
        {
            201: Reply("Signed in; the cookie comes with it.", WHO),
            400: Reply("The body is no JSON object.", "Error"),
            401: Reply("The key is not known here.", "Error"),
            409: Reply("There are no keys here.", "Error"),
            413: Reply("The body is too large.", "Error"),
            422: Reply("The key is missing, or there is something else.", "Error"),
            429: Reply("Too many wrong keys; Retry-After says when to try again.", "Error"),
        },
        body={
            "type": "object",
            "required": ["key"],
            "properties": {"key": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}},
            "additionalProperties": False,
        },
        body_required=True,
        body_example={"key": "tonewright_..."},
        max_body_bytes=LARGEST_BYTES,
        is_open=True,
    ),
    Route("GET", "/api/session", show, "session", "Who asks", {200: Reply("Who asks.", WHO)}),
    Route("DELETE", "/api/session", end, "session", "Sign out", {204: Reply("Signed out.")}, is_open=True),
)
