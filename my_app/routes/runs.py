"""Runs: what there is, how one ended, and stopping or repeating it."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from flask import Response, request

from devserver.durable.search import Wanted
from devserver.errors import InputError
from devserver.store import RUN_ID
from my_app.bridge import headers_of
from my_app.context import CONTEXT
from my_app.flask_app import json_reply, the_parts, user_id, viewer
from my_app.route import Query, Reply, Route, unknown_run
from my_app.waiting import REPLAYED, answer_at_once, preferred_wait_s, reply

STATES: Final = ["queued", "running", "success", "failed", "blocked", "cancelled"]
MOST_RUNS: Final = 200
FEW_RUNS: Final = 50
BEFORE: Final = {"type": "string", "pattern": f"^({RUN_ID.pattern})?$"}
LONGEST_QUERY: Final = 500


def list_runs() -> Response:
    """The newest runs first, those alone that fit what is asked for."""
    limit = request.args.get("limit", str(FEW_RUNS))
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_RUNS:
        message = "limit says how many runs to list."
        raise InputError(message, field="limit", value=limit, allowed=f"a number from 1 to {MOST_RUNS}")
    state = request.args.get("status", "")
    if state and state not in STATES:
        raise InputError(f"No run ever has the status {state!r}.", field="status", value=state, allowed=STATES)
    query = request.args.get("q", "")
    if len(query) > LONGEST_QUERY:
        allowed = f"at most {LONGEST_QUERY} characters"
        raise InputError("That is too much to look for at once.", field="q", value=len(query), allowed=allowed)
    before = request.args.get("before") or None
    if before is not None and not RUN_ID.fullmatch(before):
        raise InputError("This is no run id.", field="before", value=before, allowed="next_before of the page before")
    output = request.args.get("output", "")
    wanted = Wanted(viewer(), int(limit), before=before, query=query, state=state, output=output)
    return json_reply(the_parts().list_runs(wanted))


def show_run(run_id: str) -> Response:
    """Everything that is known about a run."""
    detail = the_parts().run_detail(run_id)
    if detail is None:
        raise unknown_run(run_id)
    return json_reply(detail)


async def answer(request: web.Request) -> web.StreamResponse:
    """What `execute` answers for this run: now, or with `Prefer: wait=SECONDS` as soon as it has ended."""
    parts, run_id = request.app[CONTEXT].parts, request.match_info["run_id"]
    wait_s = preferred_wait_s(headers_of(request), 0.0)
    found = await parts.wait(run_id, wait_s) if wait_s else await asyncio.to_thread(parts.answer, run_id)
    return reply(request, run_id, found, {})


def cancel(run_id: str) -> Response:
    """Ask a run to stop; its record is completed all the same."""
    return json_reply(the_parts().cancel(run_id, user_id()))


def rerun(run_id: str) -> Response:
    """Run the recorded values again: same graph, same seeds."""
    run = the_parts().rerun(run_id, user_id(), dict(request.headers))
    found = answer_at_once(the_parts(), run)
    where = {"Location": f"{request.script_root}/api/runs/{run.run_id}"} if not found.ended else {}
    return json_reply(found.body, found.status, {**where, **(REPLAYED if run.first is not None else {})})


ACCEPTED: Final = Reply("The run was accepted and goes on; `links` says where to look.", "Answer")
RUN_ANSWERS: Final = {
    200: Reply("The run has ended well.", "Answer"),
    202: ACCEPTED,
    403: Reply("A safety stage blocked the run; or the server's settings or the key do not allow it.", "Refused"),
    409: Reply("The run was cancelled, or nothing here can make it and no fallback was allowed.", "FailedAnswer"),
    500: Reply("The server made a mistake.", "FailedAnswer"),
    502: Reply("A backend failed, or what it made was refused.", "FailedAnswer"),
    507: Reply("The disk of the exports is full, or cannot be written.", "FailedAnswer"),
    504: Reply("The run took longer than its output config allows.", "FailedAnswer"),
}
SEARCHED: Final = (
    'Words that title, input or final text must have, all of them: `word`, `beginning*`, `"words in this order"`. '
    "Case and accents make no difference."
)
FULL: Final = Reply("The queue is full (or too many wrong keys came): Retry-After says when to ask again.", "Error")
UNKNOWN: Final = Reply("There is no such run.", "Error")
ROUTES: Final = (
    Route(
        "GET",
        "/api/runs",
        list_runs,
        "runs",
        "List and search runs, the newest first",
        {200: Reply("A page of runs.", "RunList"), 422: Reply("A query value is not allowed.", "Error")},
        query=(
            Query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_RUNS, "default": FEW_RUNS}, "How many."),
            Query(
                "before",
                BEFORE,
                "The run_id of the last run already seen: `next_before`.",
            ),
            Query("q", {"type": "string", "maxLength": LONGEST_QUERY}, SEARCHED),
            Query("status", {"type": "string", "enum": STATES}, "Only runs with this status."),
            Query("output", {"type": "string"}, "Only runs for which this output config was asked."),
        ),
    ),
    Route(
        "GET",
        "/api/runs/{run_id}",
        show_run,
        "runs",
        "One run with its stages and files",
        {200: Reply("The run.", "Run"), 404: UNKNOWN},
    ),
    Route(
        "GET",
        "/api/runs/{run_id}/answer",
        answer,
        "runs",
        "The answer of `execute` for this run, as of now",
        {**RUN_ANSWERS, 404: UNKNOWN},
    ),
    Route(
        "POST",
        "/api/runs/{run_id}/cancel",
        cancel,
        "runs",
        "Stop a run",
        {200: Reply("What became of it.", "Cancelled"), 404: UNKNOWN, 409: Reply("It has ended already.", "Error")},
        is_control=True,
    ),
    Route(
        "POST",
        "/api/runs/{run_id}/rerun",
        rerun,
        "runs",
        "Run the same graph with the same values again",
        {
            202: ACCEPTED,
            403: Reply("The server's settings or the key do not allow it, or no longer.", "Error"),
            404: UNKNOWN,
            409: Reply("It left nothing that could be run again.", "Error"),
            422: Reply("The idempotency key was used for something else.", "Error"),
            429: FULL,
        },
        keyed=True,
    ),
)
