"""What the HTTP side needs from the server's parts, and nothing more. The parts satisfy it by their shape."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devserver.answer import Answer
from devserver.authoring import Authoring
from devserver.durable.idempotency import Claim, First, Idempotency
from devserver.durable.search import Wanted
from devserver.events import Bus
from devserver.media.drawn import Drawn
from devserver.media.encoding import Form
from devserver.nodes.prompting.brief import BriefValues
from devserver.queue import MoveRequest, Queue
from devserver.runs.events import Event
from devserver.runs.server import DefinitionsState
from devserver.runs.waiting import Waiting
from devserver.understanding import Understood
from devserver.uploads import Uploads
from devserver.users.keys import Keys
from devserver.users.rights import Rights
from devserver.users.sessions import Sessions
from devserver.watching.metrics import Metrics
from schemas.catalog import Catalog

if TYPE_CHECKING:
    from devserver.watching.tracing import Tracing


class Accepted(Protocol):
    """A run that was taken on and will be walked, whoever listens."""

    @property
    def run_id(self) -> str: ...
    @property
    def claim(self) -> Claim | None: ...
    @property
    def first(self) -> First | None: ...


class Media(Protocol):
    """One file of a run. `etag` is the content's SHA-256, without quotes."""

    @property
    def path(self) -> Path: ...
    @property
    def mime(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def etag(self) -> str: ...


class Recording(Protocol):
    """A run as one continuous sound; `chunks` gives all of it from the beginning, as it grows, to its end."""

    @property
    def form(self) -> Form: ...
    def chunks(self) -> AsyncGenerator[bytes, None]: ...


class Streams(Protocol):
    """The runs that can be heard while they are made. On the loop only."""

    async def wait_for(self, run_id: str) -> None:
        """Until the run can be heard; raises `devserver.errors.InputError` where it never will."""

    def listen(self, run_id: str, form: str) -> AbstractContextManager[Recording]: ...
    def close(self) -> None: ...


class StemFile(Protocol):
    """One voice of a run's music; `name` is its own in the run."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> Media: ...
    @property
    def seconds(self) -> float: ...


class Definitions(Protocol):
    @property
    def catalog(self) -> Catalog: ...
    def status(self) -> DefinitionsState:
        """Whether the folders' last edit is in force, and what is wrong with it if not."""


class Parts(Protocol):
    """Every method is quick and may be called from any thread; bad input raises `devserver.errors.InputError`."""

    @property
    def definitions(self) -> Definitions: ...
    @property
    def bus(self) -> Bus: ...
    @property
    def streams(self) -> Streams: ...
    @property
    def uploads(self) -> Uploads: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def tracing(self) -> Tracing | None:
        """Where traces are sent; None where nobody wants them."""

    @property
    def authoring(self) -> Authoring: ...
    @property
    def execute_schema(self) -> dict[str, Any]:
        """The JSON Schema of the execute request."""

    def accept(self, body: dict[str, Any], user_id: str, headers: Mapping[str, str]) -> Accepted: ...
    def rerun(self, run_id: str, user_id: str, headers: Mapping[str, str]) -> Accepted: ...
    def rights(self, user_id: str) -> Rights:
        """What a user may ask for now."""

    def cancel(self, run_id: str, user_id: str) -> dict[str, Any]: ...
    def owner(self, run_id: str) -> str | None:
        """The user who started a run; None where there is no such run."""

    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def queue(self) -> Queue: ...
    def move(self, request: MoveRequest, user_id: str) -> dict[str, Any]: ...
    def answer(self, run_id: str) -> Answer: ...
    def has_ended(self, run_id: str) -> bool: ...
    @property
    def waiting(self) -> Waiting: ...
    async def wait(self, run_id: str, timeout_s: float) -> Answer: ...
    def run_detail(self, run_id: str) -> dict[str, Any] | None: ...
    def list_runs(self, wanted: Wanted) -> dict[str, Any]: ...
    def media(self, run_id: str, media: str, index: int | None) -> Media | None: ...
    def role(self, run_id: str, role: str) -> Media | None: ...
    def stems(self, run_id: str) -> Sequence[StemFile]: ...
    async def understand(self, text: str, values: BriefValues, *, remote: bool) -> Understood: ...
    async def drawn(self, run_id: str, what: Drawn) -> Media | None: ...
    def last_seq(self) -> int:
        """The number of the newest stored event, 0 where there is none."""

    def events_after(self, seq: int, run_id: str | None, limit: int) -> Sequence[Event]:
        """At most `limit` stored events with a higher number, in order."""

    def snapshot(self) -> Sequence[Event]:
        """The server's state as events without a number, for a listener that has just come."""

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether a run that is accepted now would get somewhere. On the loop."""

    def health(self) -> dict[str, Any]: ...
