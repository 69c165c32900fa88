"""Stream a run while it is made: its pieces as one continuous sound from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing, contextmanager
from typing import Final

from devserver.durable.bus import LAGGED, Bus, Lagged
from devserver.durable.journal import Journal
from devserver.errors import InputError, unknown_run
from devserver.files import pieces
from devserver.files.exports import Exports
from devserver.media.encoding import FORMS
from devserver.model.events import Event
from devserver.model.plan import Plan
from devserver.playback.recording import Recording

PAGE: Final = 500
THREADS: Final = 2


class Streams:
    """The runs that have listeners. Listeners of the same run and form share one encoding."""

    def __init__(self, journal: Journal, bus: Bus, exports: Exports) -> None:
        self.journal, self.bus, self.exports = journal, bus, exports
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="stream")
        self._recordings: dict[tuple[str, str], Recording] = {}
        self._ready: set[str] = set()  # ended runs whose pieces are deleted when the last encoding of them ends
        self._clearing: set[asyncio.Future[None]] = set()

    async def wait_for(self, run_id: str) -> None:
        """Wait for the first piece of a run.

        Raises:
            InputError: there is no such run (404), or it ends without any piece (409).
        """
        row = await self.journal.run(run_id)
        if row is None:
            raise unknown_run(run_id)
        plan = await asyncio.to_thread(Plan.model_validate_json, row.plan)
        main = plan.main_stage
        if row.ended:
            main = plan.main_made(await self.journal.read(lambda reading: reading.entities(run_id)))
        makes_sound = any(
            option.chunk.main is not None and option.chunk.main.media == "audio"
            for stage in plan.media
            if stage.name == main
            for option in stage.output.options
        )
        if makes_sound:
            async with aclosing(self.events(run_id)) as events:
                async for event in events:
                    if event.kind == "partial" and (event.stage, event.take) == (main, 1):
                        return
                    if event.kind == "run.ended" or (event.kind, event.stage) == ("stage.ended", main):
                        break
        raise _not_streamable(run_id, makes_sound=makes_sound)

    @contextmanager
    def listen(self, run_id: str, form: str) -> Iterator[Recording]:
        """Yield a recording that goes on as long as it has listeners."""
        key = (run_id, form)
        recording = self._recordings.get(key)
        if recording is None:
            recording = self._recordings[key] = Recording(
                run_id,
                FORMS[form],
                journal=self.journal,
                exports=self.exports,
                events=self.events,
                threads=self.threads,
                on_end=lambda: self._on_recording_end(run_id),
            )
        recording.listeners += 1
        try:
            yield recording
        finally:
            recording.listeners -= 1
            if not recording.listeners and self._recordings.get(key) is recording:
                del self._recordings[key]
                recording.stop()
            recording.close_unused()

    def _on_recording_end(self, run_id: str) -> None:
        if run_id in self._ready:
            clearing = asyncio.ensure_future(self._clear(run_id))
            self._clearing.add(clearing)
            clearing.add_done_callback(self._clearing.discard)

    async def delete_pieces(self, run_id: str) -> None:
        """Delete the pieces of a run whose record is final, at once or when the last encoding of them ends."""
        self._ready.add(run_id)
        await self._clear(run_id)

    async def _clear(self, run_id: str) -> None:
        busy = any(recording.working for (run, _), recording in list(self._recordings.items()) if run == run_id)
        if run_id in self._ready and not busy:
            self._ready.discard(run_id)
            await asyncio.to_thread(pieces.clear, self.exports, run_id)

    async def clear_ended(self) -> None:
        """Delete the pieces that an earlier server left of ended runs."""
        for run_id in await asyncio.to_thread(lambda: list(pieces.run_ids(self.exports))):
            row = await self.journal.run(run_id)
            if row is None or row.ended:
                await asyncio.to_thread(pieces.clear, self.exports, run_id)

    def close(self) -> None:
        """Stop every recording; its listeners get the end."""
        for recording in list(self._recordings.values()):
            recording.stop()
        self.threads.shutdown(wait=False, cancel_futures=True)

    async def _events_after(self, after: int, run_id: str) -> list[Event]:
        return await self.journal.read(lambda reading: reading.events_after(after, run_id, PAGE))

    async def events(self, run_id: str) -> AsyncGenerator[Event, None]:
        """Yield a run's stored events from the first one to its end."""
        after = 0
        arrived: Event | Lagged = LAGGED  # earlier events are in the journal
        with closing(self.bus.subscribe(run_id)) as subscription:
            while True:
                if isinstance(arrived, Lagged):
                    while page := await self._events_after(after, run_id):
                        for event in page:
                            after = event.seq or after
                            yield event
                elif arrived.seq is not None and arrived.seq > after:
                    after = arrived.seq
                    yield arrived
                try:
                    arrived = await anext(subscription)
                except StopAsyncIteration:
                    return


def _not_streamable(run_id: str, *, makes_sound: bool) -> InputError:
    if not makes_sound:
        return InputError("not_streamable_no_sound", status=409, code="not_streamable", field="run_id", value=run_id)
    return InputError("not_streamable_in_one_go", status=409, code="not_streamable", field="run_id", value=run_id)
