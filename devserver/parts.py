"""The parts of a running server, put together in one place, and what may be asked of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from devserver import answer, record, rerun
from devserver.accept import ExecuteRequest, parse_request
from devserver.agents.running_prompt import take_running_prompt
from devserver.answer import Answer
from devserver.authoring import Authoring
from devserver.backends.pool import Address, Pool
from devserver.clock import Clock
from devserver.cluster import Cluster, Sharing
from devserver.definitions import Definitions
from devserver.dispatch import Dispatcher
from devserver.durable.database import open_database
from devserver.durable.idempotency import Accepted, Claim, Idempotency, KeyTaken
from devserver.durable.journal import Journal
from devserver.durable.lease import ALONE
from devserver.durable.reading import Reading
from devserver.durable.search import Wanted
from devserver.durable.sql import Transaction
from devserver.errors import InputError, unknown_run
from devserver.events import Bus
from devserver.files import InputFiles
from devserver.late import LateRecords
from devserver.llm.ask import Models
from devserver.media.derived import Drawings
from devserver.media.encoding import load_codecs
from devserver.media.examiner import Examiner
from devserver.media.intake import IntakePool
from devserver.media.of_runs import RunMedia
from devserver.media.stream import Streams
from devserver.nodes.prompting.brief import BriefValues
from devserver.plan import Plan, read_plan
from devserver.queue import Limits, MoveRequest, Queue
from devserver.queueing.expected import Expected
from devserver.readiness import Readiness
from devserver.retries import Retries
from devserver.run import walk_run
from devserver.runs.answer import links_of
from devserver.runs.events import Event, Passing
from devserver.runs.rows import RunRow
from devserver.runs.server import ReadyState
from devserver.runs.waiting import Waiting
from devserver.stages.kind import StageKind
from devserver.stages.kinds import KINDS
from devserver.stages.planning import make_plan
from devserver.store import Exports
from devserver.understanding import Understood, understand
from devserver.uploads import DEFAULT_LIMIT_BYTES, OLD_PART_S, Uploads
from devserver.users.keys import Keys
from devserver.users.rights import Rights
from devserver.users.sessions import Sessions
from devserver.watching.listening import Watching
from devserver.watching.logs import RunLog
from devserver.watching.metrics import Metrics
from schemas.model import Level

if TYPE_CHECKING:
    from devserver.durable.database import Database
    from devserver.watching.tracing import Tracing

STOP_PATIENCE_S: Final = 2.0  # how long each answer of the database is waited for when the server stops


class Parts:
    """Everything between HTTP and the backends. On the loop.

    Args:
        exports: taken (locked) already.
        addresses: the backends in the order in which they are preferred, without the embedded one.
        embedded: whether the embedded backend runs.
        backend_wait_s: how long a take waits for a configured backend that does not answer.
        upload_limit_bytes: the largest file that may be sent here.
        file_roots: folders of files that a request may name by their path.
        safety_floor: the laxest safety level that anybody may ask for.
        sharing: how this process takes part where several share a database; None where it has one for itself.
        embed_tags: whether media carry the prompt, workflow and tonewright tags.
        models: the language models of the text stages.
        llm_check: whether the safety stages ask one of them too.
        retries: how a take is tried again.
        limits: how many unfinished runs there may be.
        tracing: makes what sends traces; None where nobody wants them.
        kinds: the kinds of stages that a run may have.
    """

    _started = False
    _warming: asyncio.Task[None] | None = None

    def __init__(
        self,
        *,
        exports: Exports,
        definitions: Definitions,
        addresses: Sequence[Address],
        embedded: bool = True,
        probe_s: float = 30.0,
        backend_wait_s: float = 120.0,
        embed_tags: bool = True,
        upload_limit_bytes: int = DEFAULT_LIMIT_BYTES,
        file_roots: Sequence[Path] = (),
        safety_floor: Level = "off",
        models: Models | None = None,
        llm_check: bool = False,
        retries: Retries | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        sharing: Sharing | None = None,
        tracing: Callable[[Database], Tracing] | None = None,
        kinds: Mapping[str, StageKind] = KINDS,
    ) -> None:
        self._begun_s = time.time()
        self.clock = clock or Clock()
        self.exports, self.definitions, self.kinds = exports, definitions, kinds
        self.backend_wait_s, self.embed_tags = backend_wait_s, embed_tags
        self.models, self.llm_check = models or Models([]), llm_check
        self.retries, self.safety_floor = retries or Retries(), safety_floor
        self.bus = Bus(self.clock)
        self.database = open_database(sharing.database_url if sharing else exports.state / "journal.sqlite")
        self.waiting = Waiting(self.bus, self.has_ended, self.answer)
        self.journal = Journal(self.database, self.clock, self.bus, sharing.owner if sharing else ALONE)
        self.tracing = tracing(self.database) if tracing is not None else None
        self.keys = Keys(exports.state, self.clock)
        self.sessions = Sessions(exports.state, self.keys, self.clock)
        self.examiner = Examiner()
        self.uploads = Uploads(exports.uploads, upload_limit_bytes, self.examiner.examine)
        self.files = InputFiles(exports, self.database, file_roots, self.examiner.examine)
        self.intake = IntakePool()
        files = RunMedia(self.journal, exports, Drawings(exports, self.intake))
        self.media, self.role, self.stems, self.drawn = files.media, files.role, files.stems, files.drawn
        self.streams = Streams(self.journal, self.bus, exports)
        self.expected = Expected.by(self.clock)
        self._embedded = exports.embedded if embedded and (sharing is None or sharing.walks) else None
        self.pool = Pool(
            addresses,
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            embedded_folder=self._embedded,
            embedded_name=f"embedded@{sharing.node}" if sharing else "embedded",
            probe_s=probe_s,
            max_upload_bytes=upload_limit_bytes,
            expected=self.expected,
        )
        self._make_what_uses_the_pool(sharing, limits)
        self.execute_schema: dict[str, Any] = ExecuteRequest.model_json_schema(by_alias=True)
        # One walk at a time does the quick work between two waits: with hundreds of runs the loop stays free.
        self.slice = asyncio.Lock()

    def _make_what_uses_the_pool(self, sharing: Sharing | None, limits: Limits | None) -> None:
        definitions = self.definitions
        self.idempotency = Idempotency(self.database, self.clock)
        self.queue = Queue(self.database, self.pool, self.expected, self.bus, limits=limits)
        self.metrics = Metrics(
            self.database,
            self.bus,
            self.clock,
            catalog=lambda: definitions.catalog,
            backends=lambda: self.pool.backends,
        )
        traces = [self.tracing] if self.tracing else []
        self.watching = Watching(self.journal, [self.metrics, RunLog(), *traces])
        self.authoring = Authoring(definitions, self.pool, self.uploads, lambda status: self.bus.tell(None, status))
        self.dispatcher = Dispatcher(
            self.journal,
            lambda run_id, cancelled: walk_run(run_id, self, self.kinds, cancelled),
            sharing.walks if sharing else None,
        )
        self.pool.turns.on_turns = self.dispatcher.asleep.look
        self.cluster = Cluster(sharing, self) if sharing else None
        self.late = LateRecords(lambda run_id: record.write(self.journal, self.exports, run_id))
        others = self.cluster.ready if self.cluster else None
        self.readiness = Readiness(
            self.exports, self.pool, self.clock, database=self.database, started=lambda: self._started, others=others
        )

    async def start(self) -> None:
        """Start the backends, then take up what an earlier server left unfinished."""
        if self.cluster:
            await self.cluster.start()
        await self._note_what_was_running()
        await asyncio.gather(self.pool.start(), self.intake.warm(), self._tidy(), self.journal.search.fill())
        await self.dispatcher.start()
        self.pool.turns.next_please()  # those that sleep may have to go elsewhere
        await self.definitions.start(lambda status: self.bus.tell(None, status))
        self._started = True
        self._warming = asyncio.create_task(asyncio.to_thread(load_codecs))  # the first piece would else wait for it

    async def _note_what_was_running(self) -> None:
        """Before a new embedded backend begins: what the last one was running when it and its server died."""
        if self._embedded is None:
            return
        if prompt_id := await asyncio.to_thread(take_running_prompt, self._embedded):
            await self.journal.stops.was_running(prompt_id)

    async def _tidy(self) -> None:
        await asyncio.to_thread(self.uploads.clear_parts, OLD_PART_S if self.cluster else None)
        await self.streams.clear_ended()
        await record.discard_prepared(self.journal, self.exports, self._begun_s - (OLD_PART_S if self.cluster else 0.0))

    async def stop(self) -> None:
        """Stop in reverse; unfinished runs keep their place and are taken up at the next start."""
        self._started = False
        self.pool.turns.closing = True
        self.database.shorten(STOP_PATIENCE_S)
        if self._embedded is not None:  # first of all, in case the rest takes too long and is ended by force
            take_running_prompt(self._embedded)
        await self.definitions.stop()
        await self.dispatcher.stop()
        await self.late.close()
        await self.models.close()
        await self.pool.close()
        self.streams.close()
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait({self._warming})
        await self.intake.close()
        await asyncio.to_thread(self.examiner.close)
        if self.cluster:
            await self.cluster.stop()
        if self.tracing:
            await self.tracing.close()
        await asyncio.to_thread(self.database.close)

    # Runs

    async def accept(self, body: Any, user_id: str, headers: Mapping[str, str]) -> Accepted:
        """Check a request, resolve it, keep a snapshot of it, and hand it on to be walked.

        Raises:
            InputError: with the field, its value and what is allowed. Nothing was started.
        """
        claim, rights = self.idempotency.claim(headers, user_id, "execute", body), self.rights(user_id)
        if found := await self._found(claim, rights):
            return found
        files = await self.files.seen_by(self.keys.viewer(user_id), body)
        plan = await asyncio.to_thread(self._plan, body, user_id, rights, files)
        return await self._take_on(rights.admit(plan), claim, headers, rights)

    def _plan(self, body: Any, user_id: str, rights: Rights, files: InputFiles) -> Plan:
        request = parse_request(body)
        if "safety_level" not in request.model_fields_set:
            request = request.model_copy(update={"safety_level": rights.usual_level})
        run_id, created_at = self.exports.new_run_id(self.clock), self.clock.stamp()
        new = {"run_id": run_id, "user_id": user_id, "created_at": created_at}
        return make_plan(request, dict(body), self.definitions.catalog, files, self.kinds, **new)

    async def rerun(self, run_id: str, user_id: str, headers: Mapping[str, str]) -> Accepted:
        """Run a finished run again from its record: the same values, texts and compiled graphs."""
        row = await self._own(run_id, user_id)
        claim, rights = self.idempotency.claim(headers, user_id, "rerun", run_id), self.rights(user_id)
        if found := await self._found(claim, rights):
            return found
        new = {"run_id": self.exports.new_run_id(self.clock), "user_id": user_id, "created_at": self.clock.stamp()}
        plan = await self.journal.read(lambda reading: rerun.plan_again(reading, row, self.kinds, **new))
        return await self._take_on(rights.admit(plan), claim, headers, rights)

    def rights(self, user_id: str) -> Rights:
        """What a user may ask for now, by the key and by the server's settings."""
        return self.keys.rights(user_id).at_least(self.safety_floor)

    async def _found(self, claim: Claim | None, rights: Rights) -> Accepted | None:
        """The run that the same request made before, where the user may still ask for it."""
        if claim is None:
            return None
        found, plan = await self.journal.read(partial(self._find, claim))
        if plan is not None:
            rights.admit(plan)
        return found

    def _find(self, claim: Claim, reading: Reading) -> tuple[Accepted | None, Plan | None]:
        found = self.idempotency.found(reading.tx, claim)
        row = reading.run(found.run_id) if found is not None else None
        return found, read_plan(row.plan) if row is not None else None

    async def _take_on(self, plan: Plan, claim: Claim | None, headers: Mapping[str, str], rights: Rights) -> Accepted:
        def together(tx: Transaction) -> None:
            if use is not None:
                use(tx)
            if self.tracing is not None:
                self.tracing.keep(tx, plan.run_id, headers)

        def then() -> None:
            if self.cluster is None:  # else nobody knows here who will walk it, and when it has ended
                self.expected.accept(plan)
            self.dispatcher.submit(plan.run_id)

        async with self.queue.room_for(plan.user_id, rights.queue_limit):
            entities = await asyncio.to_thread(record.prepare, self.exports, plan)
            use = self.idempotency.using(claim, plan.run_id)
            try:
                await record.accept(self.journal, plan, entities, together, then)
            except KeyTaken:
                await asyncio.to_thread(self.exports.discard, plan.run_id)
                if found := await self._found(claim, rights):
                    return found
                raise
        return Accepted(plan.run_id, claim)

    async def cancel(self, run_id: str, user_id: str) -> dict[str, Any]:
        """Ask a run to stop; the answer says whether it was still to be stopped."""
        row = await self._own(run_id, user_id)
        asked = await self.dispatcher.cancel(run_id)
        if not asked:
            allowed = "a queued or running run"
            raise InputError("run_ended", status=409, field="run_id", value=run_id, allowed=allowed, state=row.state)
        return {"run_id": run_id, "status": "cancelling", "links": links_of(run_id).as_json()}

    async def move(self, request: MoveRequest, user_id: str) -> dict[str, Any]:
        """Let a waiting run go before others."""
        await self._own(request.run_id, user_id)
        return await self.queue.move(request, self.keys.viewer(user_id))

    async def answer(self, run_id: str) -> Answer:
        """The answer of `execute` for a run, as of now."""
        return await self.journal.read(partial(self._answer, run_id))

    def _answer(self, run_id: str, reading: Reading) -> Answer:
        row = reading.run(run_id)
        if row is None:
            raise unknown_run(run_id)
        told = answer.answer(reading, row)
        return (
            told if row.ended else Answer(told.status, {**told.body, **self.queue.of_run(reading.tx, run_id).as_json()})
        )

    async def has_ended(self, run_id: str) -> bool:
        return await self.journal.has_ended(run_id)

    async def wait(self, run_id: str, timeout_s: float) -> Answer:
        """Return the answer of a run when it has ended; as of now when the time is up or the server stops."""
        return await self.waiting.for_answer(run_id, timeout_s)

    async def run_detail(self, run_id: str) -> dict[str, Any] | None:
        return await self.journal.read(partial(self._run_detail, run_id))

    def _run_detail(self, run_id: str, reading: Reading) -> dict[str, Any] | None:
        row = reading.run(run_id)
        waits = self.queue.of_run(reading.tx, run_id).as_json() if row and not row.ended else {}
        return {**answer.detail(reading, row).as_json(), **waits} if row else None

    async def list_runs(self, wanted: Wanted) -> dict[str, Any]:
        return await self.journal.read(partial(self._list_runs, wanted))

    def _list_runs(self, wanted: Wanted, reading: Reading) -> dict[str, Any]:
        lines = self.journal.search.find(reading.tx, replace(wanted, limit=wanted.limit + 1))
        shown = lines[: wanted.limit]
        following = shown[-1].run_id if len(lines) > wanted.limit else None
        return {"runs": [one.as_json() for one in answer.summaries(reading, shown)], "next_before": following}

    async def understand(self, text: str, values: BriefValues, *, remote: bool) -> Understood:
        """A text's brief, with the help of a language model; `remote` allows those on other machines."""
        return await understand(text, values, self.models, remote=remote)

    async def owner(self, run_id: str) -> str | None:
        """The user who started a run; None where there is no such run."""
        return await self.journal.read(lambda reading: reading.owner(run_id))

    async def _own(self, run_id: str, user_id: str) -> RunRow:
        row = await self.journal.run(run_id)
        if row is None or self.keys.viewer(user_id) not in (None, row.user_id):
            raise unknown_run(run_id)
        return row

    # Events and state

    async def events_after(self, seq: int, run_id: str | None, limit: int) -> list[Event]:
        return await self.journal.read(lambda reading: reading.events_after(seq, run_id, limit))

    async def last_seq(self) -> int:
        return await self.journal.read(lambda reading: reading.last_seq())

    async def snapshot(self) -> list[Event]:
        """The server's state, for a listener that has just come."""
        queue, at = await self.queue.state(), self.clock.stamp()
        states: tuple[Passing, ...] = (*self.pool.describe(), queue, self.definitions.status())
        return [Event(None, None, "", 0, 0, at, state) for state in states]

    def health(self) -> dict[str, Any]:
        """This process answers; it says nothing about the backends."""
        return {"status": "ok", "pid": os.getpid(), "runs": self.dispatcher.walking}

    async def ready(self) -> ReadyState:
        """Whether a run that is accepted now would get somewhere, and if not, why."""
        return await self.readiness.ask()
