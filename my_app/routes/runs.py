"""List, show, cancel and repeat runs."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, Field, model_validator

from devserver.durable.search import Wanted
from devserver.files.exports import RUN_ID
from devserver.model.answer import Links, RunAnswer, RunDetail, RunSummary
from devserver.runs.runs import Runs
from my_app.door.visitors import Visitor
from my_app.following.starts import Starts, preferred_wait_s, reply_of, response_of
from my_app.views.route import Route, RunId
from my_app.views.shapes import RUN_FAILURES, RUN_STATUSES, Shown, State
from my_app.views.signature import Header, Headers, Reply, Whole
from my_app.views.threads import wait_for

MOST_RUNS: Final = 200
FEW_RUNS: Final = 50
LONGEST_QUERY: Final = 500
SEARCHED: Final = (
    'Words that title, input or final text must have, all of them: `word`, `beginning*`, `"words in this order"`. '
    "Case and accents make no difference."
)
Prefer = Annotated[str, Header("Prefer"), Field(description="`wait=SECONDS`: answer as soon as the run has ended.")]


class RunQuery(BaseModel):
    """The filter of the list of runs."""

    limit: Whole = Field(FEW_RUNS, ge=1, le=MOST_RUNS, description="How many.")
    before: str = Field(
        "", pattern=f"^({RUN_ID.pattern})?$", description="The run_id of the last run already seen: `next_before`."
    )
    q: str = Field("", max_length=LONGEST_QUERY, description=SEARCHED)
    status: State | None = Field(None, description="Only runs with this status.")
    output: str = Field("", description="Only runs for which this output config was asked.")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, query: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in query.items() if value}


class RunList(Shown):
    """A page of runs."""

    runs: list[RunSummary]
    next_before: str | None = Field(description="`before` of the next page; null where this is the last")


class Cancelled(Shown):
    """The outcome of cancelling a run."""

    run_id: str
    status: str
    links: Links


def list_runs(runs: Runs, visitor: Visitor, query: RunQuery) -> RunList:
    """List and search runs, the newest first."""
    wanted = Wanted(
        visitor.viewer,
        query.limit,
        before=query.before or None,
        query=query.q,
        state=query.status or "",
        output=query.output,
    )
    return RunList.model_validate(wait_for(runs.search(wanted)))


def show_run(runs: Runs, run_id: RunId) -> RunDetail:
    """Show a run with its stages and files."""
    return wait_for(runs.detail(run_id))


async def answer(
    request: web.Request, runs: Runs, run_id: RunId, prefer: Prefer = ""
) -> Annotated[web.StreamResponse, RunAnswer]:
    """Answer as `execute` does for this run: now, or with `Prefer: wait=SECONDS` as soon as it has ended."""
    wait_s = preferred_wait_s(prefer, 0.0)
    found = await runs.wait(run_id, wait_s) if wait_s else await runs.answer(run_id)
    return response_of(request, run_id, found, {})


def cancel(runs: Runs, visitor: Visitor, run_id: RunId) -> Cancelled:
    """Cancel a run; its record is completed anyway."""
    return Cancelled.model_validate(wait_for(runs.cancel(run_id, visitor.user_id)))


def rerun(runs: Runs, starts: Starts, visitor: Visitor, headers: Headers, run_id: RunId) -> Reply[RunAnswer]:
    """Run the recorded values again: same graph, same seeds."""
    run = wait_for(runs.rerun(run_id, visitor.user_id, headers))
    return reply_of(run, wait_for(starts.at_once(run)))


ROUTES: Final = (
    Route("GET", "/api/runs", list_runs, "runs"),
    Route("GET", "/api/runs/{run_id}", show_run, "runs"),
    Route("GET", "/api/runs/{run_id}/answer", answer, "runs", RUN_STATUSES, failures=RUN_FAILURES),
    Route("POST", "/api/runs/{run_id}/cancel", cancel, "runs", (200, 409), is_control=True),
    Route("POST", "/api/runs/{run_id}/rerun", rerun, "runs", (202, 409), keyed=True),
)
