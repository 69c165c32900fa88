"""The walk as a stage gets it: the run's plan, its state, its tools, and writing into journal and folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from devserver.backends.pool import Pool
from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.journal import Journal
from devserver.durable.ledger import Ledger
from devserver.durable.reading import Reading
from devserver.errors.sentences import Said
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.files.late import LateRecords
from devserver.llm.ask import Models
from devserver.media.intake import IntakePool
from devserver.model.entity import text_entity
from devserver.model.events import RunWarning
from devserver.model.plan import Plan
from devserver.model.rows import Place, RunRow
from devserver.playback.stream import Streams
from devserver.queueing.expected import Expected, ways_of
from devserver.queueing.turns import Turns
from devserver.stages.graph.retries import Retries
from devserver.system.atomic import dump
from devserver.system.clock import Clock
from schemas.values import RecordedValue

Value = TypeVar("Value")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WalkSettings:
    """The settings of walks.

    Args:
        backend_wait_s: how long a take waits for a configured backend that does not answer.
        retries: how a take is tried again.
        embed_tags: whether media carry the prompt, workflow and tonewright tags.
        llm_check: whether the safety stages ask a language model too.
    """

    backend_wait_s: float = 120.0
    retries: Retries = field(default_factory=Retries)
    embed_tags: bool = True
    llm_check: bool = False


@dataclass(frozen=True)
class Tools:
    """The tools of a walk. `slice` lets one walk at a time do the quick work between two waits."""

    settings: WalkSettings
    definitions: Definitions
    journal: Journal
    bus: Bus
    exports: Exports
    models: Models
    pool: Pool
    turns: Turns
    expected: Expected
    intake: IntakePool
    clock: Clock
    files: InputFiles
    streams: Streams
    late: LateRecords
    slice: asyncio.Lock = field(default_factory=asyncio.Lock)


async def _no_stage(name: str) -> None:
    raise LookupError(f"nobody runs the stage {name}")


@dataclass
class Walk:
    """One walk of one run.

    `text` is the text as the stages so far have left it, `texts` as each of them has. `run_again` runs an earlier stage
    again, by its name: what it has finished is skipped.
    """

    run: RunRow
    plan: Plan
    tools: Tools
    cancelled: asyncio.Event
    text: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    run_again: Callable[[str], Awaitable[object]] = field(default=_no_stage, repr=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _begun: set[Place] = field(default_factory=set)
    _extended: set[str] = field(default_factory=set)

    @cached_property
    def ledger(self) -> Ledger:
        """The writer of this walk into the journal."""
        return Ledger(self.tools.journal, self.tools.clock)

    async def read(self, work: Callable[[Reading], Value]) -> Value:
        """Read the journal with all that this walk has written.

        Stages beside each other go on in the order of asking, so that they queue as planned.
        """
        async with self._reading:
            return await (self.ledger.write(work) if self.ledger.waits else self.tools.journal.read(work))

    def place(self, stage: str = "", take: int = 0, attempt: int = 0) -> Place:
        return Place(self.run.run_id, self.run.generation, stage, take, attempt)

    def is_first(self, place: Place) -> bool:
        """Note that a stage or take begins; return whether it surely begins for the first time."""
        known = self.run.generation > 1 or place in self._begun
        self._begun.add(place)
        return not known

    def may_have_more(self, stage: str) -> bool:
        """Return True for a graph stage that may have more takes than were planned."""
        return self.run.generation > 1 or stage in self._extended

    async def warn(self, place: Place, said: Said | str, *, code: str = "", **data: object) -> None:
        """Write down something that the user must know: nothing happens silently.

        A stage has one warning of a `code`, which is that of the sentence unless it is given.
        """
        self.warn_later(place, said, code=code, **data)
        await self.ledger.flush()

    def warn_later(self, place: Place, said: Said | str, *, code: str = "", **data: object) -> None:
        """Write a warning together with what is written next, so that a full disk ends nothing."""
        said = said if isinstance(said, Said) else Said(said, message_code=code)
        code = code or said.message_code
        log.warning("%s: %s", self.run.run_id, said.message)
        fields = {"code": code, "message": said.message, "message_code": said.message_code, "values": dict(said.values)}
        warning = RunWarning.model_validate({**fields, **data})
        stage = Place(place.run_id, place.generation, place.stage)
        self.ledger.later(lambda writing: writing.add_event(stage, warning, code))

    async def add_take(self, stage: str, take: int, changes: Mapping[str, RecordedValue] | None = None) -> None:
        """Add a take to an earlier graph stage while the run goes on, and make it. One that is there stays as it is.

        It has the values of the first take with other seeds, and the `changes`.
        """
        place = self.place(stage, take)
        for planned in self.plan.media:
            if planned.name == stage:
                self.tools.expected.add(place, ways_of(planned, take, changes))
        self.is_first(place)
        self._extended.add(stage)
        await self.ledger.write(lambda writing: writing.begin_take(place, changes))
        await self.run_again(stage)

    async def write(self, filename: str, content: bytes) -> None:
        """Write a file into the run's folder; waiting for the disk is left to a thread."""
        await asyncio.to_thread(self.tools.exports.write, self.run.run_id, filename, content)

    async def keep_text(self, stage: str, suffix: str, content: str | Mapping[str, object]) -> None:
        """Keep the result of a text stage as an entity."""
        number = self.plan.numbers[f"{stage}/text"]
        data = content.encode() if isinstance(content, str) else dump(dict(content))
        await self.keep(self.place(stage), number, stage, f"{number:02d}_{stage}.{suffix}", data)

    async def keep(
        self, place: Place, number: int, kind: str, filename: str, content: bytes, *, replaces: bool = False
    ) -> None:
        """Write a small file of ours into the run's folder and list it as an entity.

        `replaces`: an earlier attempt may have listed another content of it.
        """
        await self.write(filename, content)
        entity = text_entity(filename, content, number=number, type=kind, stage=place.stage, take=place.take)
        if replaces:
            self.ledger.later(lambda writing: writing.replace_entity(place, entity))
        else:
            self.ledger.later(lambda writing: writing.add_event(place, entity, filename))
