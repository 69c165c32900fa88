"""Authentication and visibility, for every route alike; the views only ask for `user_id`.

As long as there is no key, everybody is `local` and sees everything, and so only this machine may ask. With the first
key, everybody needs one, here too: as `Authorization: Bearer KEY`, or as the cookie of a session begun with it. A proxy
that the settings trust may name the user instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from devserver.errors import InputError, unknown_run
from devserver.users.keys import LOCAL, Key, KeysUnreadable
from my_app.answers.errors import BEGUN, error_body, json_response
from my_app.door.context import CONTEXT, Context
from my_app.door.opened import BY_PROXY, WITHOUT_KEY
from my_app.door.room import RETRY_S
from my_app.incoming.credentials import COOKIE, USER_ID, shown_key
from my_app.views.route import Route, check_run_id

TABLE: Final = web.AppKey("table", Mapping[web.AbstractRoute, Route])


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Authenticate the request; answer 401 where a key is needed and none fits."""
    context = request.app[CONTEXT]
    route = request.app[TABLE].get(request.match_info.route)
    named = context.settings.proxies.user(request)
    try:
        there = context.keys.all
    except KeysUnreadable:
        if route is None or not route.is_open:
            raise
        request[USER_ID] = ""
        return await handler(request)
    key = await _read_key(context, request, named) if there else None
    if named is not None:
        request[USER_ID] = _checked_name(named, key)
    elif key is not None:
        request[USER_ID] = key.name
    elif not there and not context.settings.exposed:
        request[USER_ID] = LOCAL
    elif route is not None and route.is_open:
        request[USER_ID] = ""  # nobody: it has no runs, and no view of an open route asks for any
    else:
        return refuse_key(request)
    if route is not None and route.only_admins and context.keys.viewer(request[USER_ID]) is not None:
        raise InputError("admins_only", status=403, field="Authorization")
    if not request[USER_ID]:
        return await handler(request)
    return await _attend(request, handler, key.id if key else WITHOUT_KEY if named is None else BY_PROXY)


def _checked_name(named: str, key: Key | None) -> str:
    """Return the name of a user whom a proxy has let in, with or without a key of that name."""
    if named == LOCAL and key is None:
        raise InputError("local_user_by_proxy", status=403, field="user", value=named, local=LOCAL)
    return named


async def _attend(request: web.Request, handler: Handler, key_id: str) -> web.StreamResponse:
    """Answer a user for as long as the key is there."""
    context, route = request.app[CONTEXT], request.app[TABLE].get(request.match_info.route)
    with context.opened.hold(key_id, request[USER_ID], request) as opened:
        if key_id != WITHOUT_KEY and not (route is not None and route.is_control):
            _check_room(context, request[USER_ID])
        try:
            return await handler(request)
        except asyncio.CancelledError:
            if not opened.revoked or BEGUN in request or opened.task is None:
                raise
            opened.task.uncancel()
            body = error_body(401, "key_taken_away", field="Authorization")
            return json_response(401, body, {"WWW-Authenticate": 'Bearer realm="Tonewright"'})


def _check_room(context: Context, user: str) -> None:
    limit = context.settings.requests_per_key
    if limit and context.opened.count(user) > limit:
        raise InputError(
            "too_many_requests",
            status=429,
            code="too_many_requests",
            field="Authorization",
            retry_after_s=RETRY_S,
            limit=limit,
        )


async def _read_key(context: Context, request: web.Request, named: str | None) -> Key | None:
    # Threads of their own: the usual ones may all be waiting for the database, and this one needs none of it.
    return await asyncio.get_running_loop().run_in_executor(context.doors, _key_of, context, request, named)


def _key_of(context: Context, request: web.Request, named: str | None) -> Key | None:
    if named is not None:
        return context.keys.find_by_name(named)
    shown, cookie = shown_key(request), request.cookies.get(COOKIE)
    if shown is not None:
        return context.keys.find(shown)
    return context.sessions.find(cookie) if cookie else None


def refuse_key(request: web.Request, shown: str | None = None) -> web.Response:
    """Return the answer to a request without a key, or with a wrong one."""
    wait_s = 0.0
    if shown is not None or shown_key(request) is not None:
        wait_s = request.app[CONTEXT].tries.count_wrong(request.remote or "")
    if wait_s:
        headers = {"Retry-After": str(round(wait_s))}
        body = error_body(429, "too_many_wrong_keys", field="Authorization")
        return json_response(429, body, headers)
    code = "key_unknown" if shown or shown_key(request) else "key_missing"
    body = error_body(401, code, field="Authorization")
    return json_response(401, body, {"WWW-Authenticate": 'Bearer realm="Tonewright"'})


@web.middleware
async def check_runs(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only what has the shape of a run id stand where a path has one; another user's run is as good as none."""
    run_id = request.match_info.get("run_id")
    if run_id is not None:
        check_run_id(run_id)
        viewer = viewer_of(request)
        if viewer is not None and await request.app[CONTEXT].owners.of(run_id) != viewer:
            raise unknown_run(run_id)
    return await handler(request)


def viewer_of(request: web.Request) -> str | None:
    """Return the user whose runs and files are shown; None for everybody's."""
    return request.app[CONTEXT].keys.viewer(request[USER_ID])
