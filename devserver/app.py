"""A running server's objects, put together in one place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from devserver.backends.pool import Address, Pool
from devserver.definitions.authoring import Authoring
from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.idempotency import Idempotency
from devserver.durable.journal import Journal
from devserver.durable.lease import ALONE
from devserver.durable.opening import open_database
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.files.late import LateRecords
from devserver.files.uploads import DEFAULT_LIMIT_BYTES, OLD_PART_S, Uploads
from devserver.host.running_prompt import take_running_prompt
from devserver.llm.ask import Models
from devserver.media.encoding import load_codecs
from devserver.media.examiner import Examiner
from devserver.media.intake import IntakePool
from devserver.playback.derived import Drawings
from devserver.playback.of_runs import RunMedia
from devserver.playback.stream import Streams
from devserver.queueing.deciding import Decider
from devserver.queueing.eta import Durations
from devserver.queueing.expected import Expected
from devserver.queueing.fleet import Fleet
from devserver.queueing.given_up import GivenUp
from devserver.queueing.queue import Limits, Queue
from devserver.queueing.tickets import Tickets
from devserver.queueing.turns import Turns
from devserver.run import walk_run
from devserver.runs import record
from devserver.runs.cluster import Cluster, Sharing
from devserver.runs.dispatch import Dispatcher
from devserver.runs.ended import Ended
from devserver.runs.runs import Runs
from devserver.stages.kind import StageKind
from devserver.stages.kinds import KINDS
from devserver.stages.walk import Tools, WalkSettings
from devserver.system.clock import Clock
from devserver.users.keys import Keys
from devserver.users.sessions import Sessions
from devserver.watching.listening import watch
from devserver.watching.logs import RunLog
from devserver.watching.metrics import Metrics
from devserver.watching.readiness import Readiness
from schemas.model import Level

if TYPE_CHECKING:
    from devserver.durable.database import Database
    from devserver.watching.tracing import Tracing

STOP_PATIENCE_S: Final = 2.0  # how long each answer of the database is waited for when the server stops


class App:
    """A server without HTTP: builds its objects, starts them and stops them. On the loop.

    Args:
        exports: taken (locked) already.
        addresses: the backends in the order in which they are preferred, without the embedded one.
        safety_floor: the laxest safety level that anybody may ask for.
        sharing: how this process takes part where several share a database; None where it has one for itself.
        tracing: makes what sends traces; None where nobody wants them.
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
        upload_limit_bytes: int = DEFAULT_LIMIT_BYTES,
        file_roots: Sequence[Path] = (),
        safety_floor: Level = "off",
        models: Models | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        sharing: Sharing | None = None,
        tracing: Callable[[Database], Tracing] | None = None,
        walks: WalkSettings | None = None,
        kinds: Mapping[str, StageKind] = KINDS,
    ) -> None:
        self._begun_s = time.time()
        self._embedded = exports.embedded if embedded and (sharing is None or sharing.walks) else None
        self.exports, self.definitions, self.models = exports, definitions, models or Models([])
        self.clock = clock or Clock()
        self.bus = Bus(self.clock)
        self.database = open_database(sharing.database_url if sharing else exports.state / "journal.sqlite")
        self.journal = Journal(self.database, self.clock, self.bus, sharing.owner if sharing else ALONE)
        self._make_files_and_keys(upload_limit_bytes, file_roots)
        self.pool = Pool(
            addresses,
            bus=self.bus,
            clock=self.clock,
            embedded_folder=self._embedded,
            embedded_name=f"embedded@{sharing.node}" if sharing else "embedded",
            probe_s=probe_s,
            max_upload_bytes=upload_limit_bytes,
        )
        self._make_queue(sharing.owner if sharing else "", limits)
        self.authoring = Authoring(definitions, self.pool, self.uploads, lambda status: self.bus.tell(None, status))
        self.tools = Tools(
            walks or WalkSettings(),
            definitions=definitions,
            journal=self.journal,
            bus=self.bus,
            exports=exports,
            models=self.models,
            pool=self.pool,
            turns=self.turns,
            expected=self.expected,
            intake=self.intake,
            clock=self.clock,
            files=self.files,
            streams=self.streams,
            late=self.late,
        )
        self._make_watchers(tracing)
        self._make_runs(kinds, safety_floor, sharing)

    def _make_queue(self, owner: str, limits: Limits | None) -> None:
        durations, given_up = Durations(self.clock), GivenUp(self.database, lambda: self.pool.backends)
        fleet = Fleet(durations, self.clock, lambda: self.pool.backends, given_up)
        decider = Decider(Tickets(self.clock), fleet, owner)
        self.expected = Expected(decider, self.clock)
        self.turns = Turns(self.database, self.expected, decider)
        self.pool.on_change, self.pool.on_queue = self.turns.grant_turns, self.turns.note_queue
        self.queue = Queue(self.database, self.pool, self.turns, self.expected, self.bus, limits=limits)

    def _make_files_and_keys(self, upload_limit_bytes: int, file_roots: Sequence[Path]) -> None:
        exports = self.exports
        self.keys = Keys(exports.state, self.clock)
        self.sessions = Sessions(exports.state, self.keys, self.clock)
        self.idempotency = Idempotency(self.database, self.clock)
        self.examiner, self.intake = Examiner(), IntakePool()
        self.uploads = Uploads(exports.uploads, upload_limit_bytes, self.examiner.examine)
        self.files = InputFiles(exports, self.database, file_roots, self.examiner.examine)
        self.media = RunMedia(self.journal, exports, Drawings(exports, self.intake))
        self.streams = Streams(self.journal, self.bus, exports)
        self.late = LateRecords(lambda run_id: record.write(self.journal, exports, run_id))

    def _make_watchers(self, tracing: Callable[[Database], Tracing] | None) -> None:
        self.tracing = tracing(self.database) if tracing else None
        self.metrics = Metrics(
            self.database,
            self.bus,
            self.clock,
            catalog=lambda: self.definitions.catalog,
            backends=lambda: self.pool.backends,
        )
        traces = [self.tracing] if self.tracing else []
        watch(self.journal, [self.metrics, RunLog(), *traces])

    def _make_runs(self, kinds: Mapping[str, StageKind], safety_floor: Level, sharing: Sharing | None) -> None:
        ended = Ended()
        self.dispatcher = Dispatcher(
            self.journal,
            lambda run_id, cancelled: walk_run(run_id, self.tools, kinds, cancelled, ended.keep),
            sharing.walks if sharing else None,
        )
        self.turns.on_turns = self.dispatcher.asleep.look
        self.runs = Runs(
            self.tools,
            kinds,
            keys=self.keys,
            idempotency=self.idempotency,
            queue=self.queue,
            dispatcher=self.dispatcher,
            ended=ended,
            safety_floor=safety_floor,
            tracing=self.tracing,
        )
        self.cluster = sharing and Cluster(
            sharing,
            journal=self.journal,
            bus=self.bus,
            dispatcher=self.dispatcher,
            pool=self.pool,
            turns=self.turns,
        )
        self.readiness = Readiness(
            self.exports,
            self.pool,
            self.clock,
            database=self.database,
            started=lambda: self._started,
            others=self.cluster.ready if self.cluster else None,
        )

    async def start(self) -> None:
        """Start the backends, then take up what an earlier server left unfinished."""
        if self.cluster:
            await self.cluster.start()
        await self._note_running_prompt()
        await asyncio.gather(self.pool.start(), self.intake.warm(), self._tidy(), self.journal.search.fill())
        await self.turns.start()
        await self.dispatcher.start()
        self.turns.grant_turns()  # those that sleep may have to go elsewhere
        await self.definitions.start(lambda status: self.bus.tell(None, status))
        self._started = True
        self._warming = asyncio.create_task(asyncio.to_thread(load_codecs))  # the first piece would else wait for it

    async def _note_running_prompt(self) -> None:
        """Count a stop for the prompt that the last embedded backend was running when it and its server died."""
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
        self.turns.closing = True
        self.database.shorten(STOP_PATIENCE_S)
        if self._embedded is not None:  # first of all, in case the rest takes too long and is ended by force
            take_running_prompt(self._embedded)
        await self.definitions.stop()
        await self.dispatcher.stop()
        await self.late.close()
        await self.models.close()
        await self.turns.close()
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
