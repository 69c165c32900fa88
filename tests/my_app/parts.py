"""The parts behind the front, in the simplest way possible."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devserver.briefs.understanding import Understood, understand
from devserver.durable.bus import Bus, Subscription
from devserver.durable.idempotency import Claim, First
from devserver.durable.search import Wanted
from devserver.errors import InputError, unknown_run
from devserver.files.uploads import Uploads
from devserver.llm.ask import Models
from devserver.model.answer import links_of
from devserver.model.events import Event, OtherData
from devserver.model.server import DefinitionsState, QueueState, ReadyState
from devserver.nodes.prompting.brief import BriefValues
from devserver.queueing.queue import MoveRequest
from devserver.runs.answer import Answer
from devserver.runs.waiting import Waiting
from devserver.system.clock import Clock
from devserver.users.keys import Keys
from devserver.users.rights import Rights
from devserver.users.sessions import Sessions
from tests.patience import PATIENCE_S

AT = "2030-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Accepted:
    run_id: str
    claim: Claim | None = None
    first: First | None = None


@dataclass(frozen=True)
class Media:
    path: Path
    mime: str
    filename: str
    etag: str


@dataclass
class Definitions:
    catalog: Any = None

    def status(self) -> DefinitionsState:
        return DefinitionsState(state="ok", version=1)


class NoStreams:
    """Nothing can be heard here: that is tried over real processes."""

    async def wait_for(self, run_id: str) -> None:
        raise InputError("not_streamable_no_sound", status=409, code="not_streamable", field="run_id", value=run_id)

    def listen(self, run_id: str, form: str) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def close(self) -> None:
        pass


class WatchedBus(Bus):
    """A bus that tells when listeners have come or gone."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.listeners: set[Subscription] = set()
        self._changed = asyncio.Event()

    def subscribe(self, run_id: str | None = None) -> Subscription:
        subscription = super().subscribe(run_id)
        self.listeners.add(subscription)
        self._changed.set()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        super().forget(subscription)
        self.listeners.discard(subscription)
        self._changed.set()

    async def until_listeners(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.listeners) != count:
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Runs:
    """Runs go nowhere until the test says so."""

    folder: Path
    bus: WatchedBus = field(default_factory=WatchedBus)
    definitions: Definitions = field(default_factory=Definitions)
    authoring: Any = None
    metrics: Any = None
    tracing: Any = None
    queue: Any = None  # tried over real processes, as moving and keys of requests are
    idempotency: Any = None
    execute_schema: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"input_text": {"type": "string"}, "wait_timeout_s": {"type": "number", "default": 60.0}},
        }
    )
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    files: dict[tuple[str, str, int | None], Media] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    upload_limit_bytes: int = 1 << 20
    models: Models = field(default_factory=lambda: Models([]))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.arriving, self.admitted, self.accepted = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.admitted.set()  # a test may clear it, to hold requests as they are accepted
        self.waiting = Waiting(self.bus, self.has_ended, self.answer)

    @property
    def runs(self) -> Runs:
        return self

    async def detail(self, run_id: str) -> dict[str, Any] | None:
        return await self.run_detail(run_id)

    async def search(self, wanted: Wanted) -> dict[str, Any]:
        return await self.list_runs(wanted)

    async def wait(self, run_id: str, timeout_s: float) -> Answer:
        return await self.waiting.for_answer(run_id, timeout_s)

    @property
    def keys(self) -> Keys:
        return Keys(self.folder)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.folder, self.keys)

    async def owner(self, run_id: str) -> str | None:
        return self.bodies[run_id]["user_id"] if run_id in self.bodies else None

    @property
    def streams(self) -> NoStreams:
        return NoStreams()

    @property
    def uploads(self) -> Uploads:
        folder = self.folder / "uploads"
        folder.mkdir(exist_ok=True)
        return Uploads(folder, self.upload_limit_bytes)

    async def accept(self, body: dict[str, Any], user_id: str, headers: Mapping[str, str]) -> Accepted:
        self.arriving.set()
        await self.admitted.wait()
        if "input_text" not in body:
            raise InputError("field_missing", status=400, field="input_text", allowed="text")
        if body["input_text"] == "break":
            raise RuntimeError("a secret in a traceback")
        with self.lock:
            run_id = f"20300101-000000-{len(self.bodies):08x}"
            self.bodies[run_id] = {**body, "user_id": user_id, "agent": headers.get("User-Agent")}
        self.tell(run_id, "run.queued")
        self.accepted.set()
        return Accepted(run_id)

    def tell(self, run_id: str | None, kind: str, **data: Any) -> Event:
        """Store an event and publish it."""
        with self.lock:
            event = Event(len(self.events) + 1, run_id, "", 0, 0, AT, OtherData.of(kind, data))
            self.events.append(event)
            self.bus.publish(event)
        return event

    def end(self, run_id: str, status: int = 200, **body: Any) -> None:
        """End a run, as the journal does: its state first, then the event."""
        self.answers[run_id] = Answer(status, {"run_id": run_id, "status": "success", **body})
        self.tell(run_id, "run.ended", status="success")

    def add_file(self, run_id: str, content: bytes, *, name: str, index: int | None = None) -> Media:
        path = self.folder / name
        path.write_bytes(content)
        media = Media(path, "audio/mpeg", name, hashlib.sha256(content).hexdigest())
        self.files[run_id, "audio", index] = media
        return media

    async def answer(self, run_id: str) -> Answer:
        self._known(run_id)
        going_on = Answer(202, {"run_id": run_id, "status": "running", "links": {"run": f"/api/runs/{run_id}"}})
        return self.answers.get(run_id, going_on)

    async def has_ended(self, run_id: str) -> bool:
        return run_id in self.answers

    async def rerun(self, run_id: str, user_id: str, headers: Mapping[str, str]) -> Accepted:
        self._known(run_id)
        return await self.accept(self.bodies[run_id], user_id, headers)

    async def move(self, request: MoveRequest, user_id: str) -> dict[str, Any]:
        raise NotImplementedError

    def rights(self, user_id: str) -> Rights:
        return self.keys.rights(user_id)

    async def cancel(self, run_id: str, user_id: str) -> dict[str, Any]:
        self._known(run_id)
        if run_id in self.answers:
            raise InputError("run_ended", status=409, field="run_id", value=run_id, state="success")
        self.end(run_id, 409, error={"code": "cancelled"})
        return {"run_id": run_id, "status": "cancelling", "links": links_of(run_id).as_json(), "by": user_id}

    async def run_detail(self, run_id: str) -> dict[str, Any] | None:
        return (
            {"run_id": run_id, "status": (await self.answer(run_id)).body["status"]} if run_id in self.bodies else None
        )

    async def list_runs(self, wanted: Wanted) -> dict[str, Any]:
        about = {"title": "", "schema": "", "output_config": "", "created_at": AT, "execution_time": None}
        listed = [
            {
                **about,
                "error": None,
                "media": [],
                "links": links_of(run_id).as_json(),
                **(await self.run_detail(run_id) or {}),
            }
            for run_id in self.bodies
        ]
        return {"runs": listed[: wanted.limit], "next_before": None, "asked": asdict(wanted)}

    async def media(self, run_id: str, media: str, index: int | None) -> Media | None:
        return self.files.get((run_id, media, index))

    async def role(self, run_id: str, role: str) -> Media | None:
        return self.files.get((run_id, role, None))

    async def stems(self, run_id: str) -> list[Any]:  # noqa: ARG002 - the protocol's
        return []

    async def understand(self, text: str, values: BriefValues, *, remote: bool) -> Understood:
        return await understand(text, values, self.models, remote=remote)

    async def drawn(self, run_id: str, what: str) -> Media | None:
        return self.files.get((run_id, what, None))

    async def last_seq(self) -> int:
        return len(self.events)

    async def events_after(self, seq: int, run_id: str | None, limit: int) -> list[Event]:
        with self.lock:
            return [e for e in self.events[seq:] if run_id is None or e.run_id == run_id][:limit]

    async def snapshot(self) -> list[Event]:
        return [Event(None, None, "", 0, 0, AT, QueueState(waiting=0))]

    async def ready(self) -> ReadyState:
        return ReadyState(ready=bool(self.bodies), backends=[])

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}

    def _known(self, run_id: str) -> None:
        if run_id not in self.bodies:
            raise unknown_run(run_id)
