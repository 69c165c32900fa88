"""Show, pause, resume and reorder the queue."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from devserver.model.server import BackendState, QueuePlace, TimeLeft
from devserver.queueing.queue import LONGEST_PAGE, PAGE, MoveRequest, PauseRequest, Queue
from devserver.runs.runs import Runs
from my_app.door.visitors import Visitor
from my_app.views.route import Route
from my_app.views.shapes import Count, Shown
from my_app.views.signature import Whole
from my_app.views.threads import wait_for

EVERY_QUEUE: Final = PauseRequest(backend=None)
FARTHEST: Final = 1_000_000


class Page(BaseModel):
    """The listed part of those that wait, in each list."""

    limit: Whole = Field(PAGE, ge=1, le=LONGEST_PAGE, description="How many that wait are listed.")
    offset: Whole = Field(
        0, ge=0, le=FARTHEST, description="How many that wait come before these: `next_offset` of the page before."
    )


class QueueEntry(Shown):
    """A take that waits or has its turn. Of another user's, only `own`, place, backends and time are shown."""

    position: Count = Field(description="among those that wait, 1 is next; 0 has its turn")
    priority: int
    eta: TimeLeft | None = Field(description="until it is done; null where that is unknown, or all that fit are paused")
    expected_backend: str | None = Field(
        description="where it is, or is expected to go as things stand; null where nobody can say"
    )
    why_code: str = Field("", description="the code of `why`: `placed_soonest`, `placed_loaded`, ...")
    why: str = Field(
        "", description="why it went there, or is expected there, in words; '' where nothing is to be said"
    )
    own: bool
    run_id: str = ""
    title: str = ""
    user: str = ""
    stage: str = ""
    take: Count = 0
    asked_at: str = ""


class WaitingEntry(QueueEntry):
    """A take that waits for all backends together."""

    may: list[str] = Field(description="the backends that answer now and can make it, the first configured one first")


class BackendQueue(Shown):
    """What one backend has, and what is expected to go there."""

    name: str
    state: str
    paused: bool
    held: list[QueueEntry] = Field(description="takes that are submitted, or about to be")
    waiting: list[QueueEntry] = Field(description="the waiting takes that are expected to go here now, a page of them")
    waiting_total: Count = Field(description="how many these are, on this page and on others")
    eta: TimeLeft | None = Field(description="until all of these are done")


class Elsewhere(Shown):
    """An unfinished run of the user that waits for no backend now."""

    run_id: str
    title: str


class Queues(Shown):
    """The queue, and the backends that it is for."""

    paused: bool = Field(description="whether nothing is given to any backend")
    backends: list[BackendQueue]
    waiting: list[WaitingEntry] = Field(
        description="every take that waits, once, in the order in which they get their turns; a page of them"
    )
    waiting_total: Count = Field(description="how many wait, on this page and on others")
    elsewhere: list[Elsewhere]
    elsewhere_total: Count
    unfinished: Count = Field(description="runs of everybody")
    next_offset: Count | None = Field(description="`offset` of the next page; null where this is the last")
    queue_limit: Count = Field(description="how many runs may be unfinished; 0 is any number")
    queue_limit_per_user: Count


class Lengths(Shown):
    """The running and waiting prompts of a backend, from all clients."""

    running: Count
    pending: Count


class Backend(BackendState):
    """A backend and its state."""

    url: str
    queue: Lengths | None = Field(description="null if the backend does not report it")
    paused: bool
    held: Count = Field(description="takes of ours that have their turn")
    waiting: Count = Field(description="takes of ours that wait and are expected to go here")
    eta: TimeLeft | None = Field(description="until all of ours are done")
    put_aside: bool = Field(False, description="whether it gets nothing now: takes fail there that others make")
    faults: Count = Field(0, description="how many takes in a row failed there that others made")
    last_fault: str = Field("", description="the error of the last take that failed there")
    nodes: Count = Field(0, description="node classes")
    models: dict[str, list[str]] = Field({}, description="model files by the name of the input that takes them")


class Backends(Shown):
    """The backends, in the order in which they are preferred."""

    backends: list[Backend]


class Moved(Shown):
    """A run's place in the queue now."""

    run_id: str
    queue: QueuePlace | None
    eta: TimeLeft | None


async def list_backends(queue: Queue) -> Backends:
    """List the backends and their states.

    Its state, versions, memory, models, its own queue as it tells it now, and ours before it.
    """
    return Backends.model_validate({"backends": await queue.survey()})


def show_queue(queue: Queue, visitor: Visitor, query: Page) -> Queues:
    """List the waiting takes in their order, and the takes of each backend, with expected times.

    Takes wait for all backends together, in one order. Own runs in full, those of others as places without a name.
    Of those that wait a page.
    """
    return Queues.model_validate(wait_for(queue.overview(visitor.viewer, query.limit, query.offset)))


def pause(queue: Queue, visitor: Visitor, body: PauseRequest = EVERY_QUEUE) -> Queues:
    """Pause submissions to one backend, or to all.

    What was submitted goes on. It lasts over a restart.
    """
    wait_for(queue.pause(body.backend))
    return show_queue(queue, visitor, Page())


def resume(queue: Queue, visitor: Visitor, body: PauseRequest = EVERY_QUEUE) -> Queues:
    """Resume submissions to one backend, or to all, including those paused one by one."""
    wait_for(queue.resume(body.backend))
    return show_queue(queue, visitor, Page())


def move(runs: Runs, visitor: Visitor, body: MoveRequest) -> Moved:
    """Move a waiting run to the front, before another one, or to a position."""
    return Moved.model_validate(wait_for(runs.move(body, visitor.user_id)))


ROUTES: Final = (
    Route("GET", "/api/backends", list_backends, "queue"),
    Route("GET", "/api/queue", show_queue, "queue"),
    Route("POST", "/api/queue/pause", pause, "queue", (200, 404), only_admins=True, is_control=True),
    Route("POST", "/api/queue/resume", resume, "queue", (200, 404), only_admins=True, is_control=True),
    Route("POST", "/api/queue/move", move, "queue", (200, 404, 409)),
)
