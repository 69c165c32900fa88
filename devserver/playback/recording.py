"""One run as one continuous sound in one form: encoded once, read by every listener."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing
from contextvars import Context
from typing import Any, Final

from devserver.durable.journal import Journal
from devserver.files import pieces
from devserver.files.exports import Exports
from devserver.media.encoding import Encoder, Form, Undecodable
from devserver.model.events import AttemptEnded, AttemptStarted, Event, Piece, RunEnded, StageEnded
from devserver.model.plan import Plan
from devserver.model.rows import Place

CHUNK_BYTES: Final = 64 * 1024
# If the pieces are shorter than the main output by less than this, the rest is not encoded from it.
SLACK_SECONDS: Final = 0.05

log = logging.getLogger(__name__)


class Recording:
    """Begins at once, grows while pieces arrive, and is over when the attempt that sends them has succeeded.

    If a piece is missing, or the run has ended, the rest is encoded from the run's main output.

    Args:
        events: yields the run's stored events from the first one on.
        threads: where files are decoded and encoded.
        on_end: called when the work has ended, also after an error.
    """

    def __init__(
        self,
        run_id: str,
        form: Form,
        *,
        journal: Journal,
        exports: Exports,
        events: Callable[[str], AsyncGenerator[Event, None]],
        threads: Executor,
        on_end: Callable[[], None],
    ) -> None:
        self.run_id, self.form, self.listeners = run_id, form, 0
        self._journal, self._exports, self._events, self._threads = journal, exports, events, threads
        self._loop = asyncio.get_running_loop()
        self._file = exports.open_temporary()  # `close_unused` closes it
        self._size, self._over = 0, False
        self._grown = asyncio.Event()
        self._task = self._loop.create_task(
            self._record(), context=Context()
        )  # not the context of the request that started it
        self._task.add_done_callback(lambda _: on_end())
        self._task.add_done_callback(lambda _: self.close_unused())

    @property
    def working(self) -> bool:
        return not self._task.done()

    def stop(self) -> None:
        """Stop the work; listeners get the rest of the data and the end. From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def close_unused(self) -> None:
        """Close the file once nobody writes or reads it."""
        if self._task.done() and not self.listeners:
            self._file.close()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the whole sound from its beginning: first the data that exists, then new data until the end."""
        offset = 0
        while True:
            grown = self._grown
            if offset < self._size:
                data = await asyncio.to_thread(os.pread, self._file.fileno(), CHUNK_BYTES, offset)
                offset += len(data)
                yield data
            elif self._over:
                return
            else:
                await grown.wait()

    async def _record(self) -> None:
        try:
            encoder = await self._in_thread(Encoder, self.form, self._write)
            await self._encode_all(encoder)
            await self._in_thread(encoder.close)
        except Exception:  # listeners must get the end, whatever was wrong
            log.exception("%s cannot be played as %s any more", self.run_id, self.form.name)
        finally:
            self._over = True
            self._grow()

    async def _encode_all(self, encoder: Encoder) -> None:
        row = await self._journal.run(self.run_id)
        if row is None:
            return
        plan = await asyncio.to_thread(Plan.model_validate_json, row.plan)
        if not row.ended:
            await self._encode_pieces(encoder, plan.main_stage)
        await self._encode_rest(encoder, plan)

    async def _encode_pieces(self, encoder: Encoder, stage: str) -> None:
        """Encode the pieces in order; those of an attempt that was followed by another one are left out."""
        last = await self._journal.last_attempt(Place(self.run_id, 0, stage, 1))
        first_attempt = last.attempt if last else 1
        here: dict[int, str] = {}
        wanted = 0
        async with aclosing(self._events(self.run_id)) as events:
            async for event in events:
                if (event.stage, event.take) == (stage, 1) and event.attempt >= first_attempt:
                    if isinstance(event.data, AttemptStarted):
                        here.clear()
                    elif isinstance(event.data, Piece):
                        here[event.data.index] = event.data.file
                while wanted in here and await self._add_piece(encoder, here.pop(wanted)):
                    wanted += 1
                if _is_last(event, stage):
                    return

    async def _add_piece(self, encoder: Encoder, name: str) -> bool:
        try:
            await self._in_steps(encoder.add(pieces.path_of(self._exports, self.run_id, name)))
        except (OSError, Undecodable) as e:
            log.warning("%s: the piece %s cannot be decoded: %s", self.run_id, name, e)
            return False
        return True

    async def _encode_rest(self, encoder: Encoder, plan: Plan) -> None:
        entities = await self._journal.read(lambda reading: reading.entities(self.run_id))
        made = ("main", "audio", plan.main_made(entities))
        main = next((entity for entity in entities if (entity.role, entity.media, entity.stage) == made), None)
        seconds = main.facts.seconds if main and main.facts else None
        if main is None or seconds is None or seconds - encoder.seconds < SLACK_SECONDS:
            return
        path = self._exports.folder(self.run_id) / main.filename
        try:
            await self._in_steps(encoder.add(path, encoder.seconds))
        except (OSError, Undecodable) as e:
            log.warning("%s: %s cannot be decoded: %s", self.run_id, path.name, e)

    async def _in_steps(self, steps: Iterator[float]) -> None:
        """Do work step by step, so that other recordings get their turn between the steps."""
        while await self._in_thread(next, steps, None) is not None:
            continue

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function on a thread and wait for its end, even if this task is cancelled: it writes into our file."""
        job = self._loop.run_in_executor(self._threads, function, *args)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            await asyncio.wait({job})
            raise

    def _write(self, data: bytes) -> None:
        """Append encoded data to the file; called on a thread."""
        self._file.write(data)
        self._loop.call_soon_threadsafe(self._grow, len(data))

    def _grow(self, more: int = 0) -> None:
        self._size += more
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


def _is_last(event: Event, stage: str) -> bool:
    """Tell whether no more pieces follow this event."""
    if isinstance(event.data, AttemptEnded):
        return (event.stage, event.take, event.data.status) == (stage, 1, "success")
    return isinstance(event.data, RunEnded) or (isinstance(event.data, StageEnded) and event.stage == stage)
