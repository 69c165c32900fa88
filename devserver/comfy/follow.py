"""Following prompts to their end: the socket tells what happens, history and queue tell what is true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from devserver.comfy.cancel import cancel
from devserver.comfy.client import Client, Queue
from devserver.comfy.errors import BackendError, Unreachable
from devserver.comfy.listen import Listener
from devserver.comfy.prompt import Outcome, Progress, PromptEvent, outcome_of

OnEvent = Callable[[PromptEvent], None]

# After these the history entry exists, or will in a moment; only `executing` without a node comes after it.
ENDINGS = frozenset({"execution_success", "execution_error", "execution_interrupted"})
CONNECT_LIMIT_SECONDS = 1.0
FIRST_REREAD_SECONDS = 0.02
# Re-reads of the history after an end was told, with doubling pauses: about three seconds.
REREADS = 8
# Polls in a row that see a prompt run of which the socket has not said a word: the socket is deaf.
SILENT_POLLS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueHeard:
    """What the socket has said of the queue: how many prompts it held, running ones too, and how often it was told."""

    length: int | None = None
    times: int = 0

    def updated(self, data: Mapping[str, Any]) -> QueueHeard:
        status = data.get("status")
        info = status.get("exec_info") if isinstance(status, dict) else None
        length = info.get("queue_remaining") if isinstance(info, dict) else None
        return QueueHeard(length if isinstance(length, int) else None, self.times + 1)


class Follower:
    """Follows any number of prompts of one backend over one socket.

    Args:
        client: the backend.
        client_id: of this process alone; prompts must be submitted with it.
        poll_seconds: how long a prompt may be silent before history and queue are asked about it.
        patience_seconds: how long the backend may give no answer while prompts are followed.
        on_trouble: called each time that a question about a prompt was not answered well.
    """

    def __init__(
        self,
        client: Client,
        client_id: str,
        *,
        poll_seconds: float = 1.0,
        patience_seconds: float = 120.0,
        on_trouble: Callable[[], None] | None = None,
    ) -> None:
        self.client = client
        self.client_id = client_id
        self.poll_seconds = poll_seconds
        self.patience_seconds = patience_seconds
        self.on_trouble = on_trouble
        self.heard = QueueHeard()
        self.connections = 0  # how often the socket was opened
        self._watches: dict[str, Watch] = {}
        self._listener = Listener(client, client_id, self._hear, self._see, self._reconcile)

    @property
    def connected(self) -> bool:
        """Whether the socket stands; prompts are followed without it too, by polling."""
        return self._listener.connected

    @property
    def following(self) -> int:
        """How many prompts are followed now."""
        return len(self._watches)

    async def start(self) -> None:
        """Open the socket; a backend that is not there yet is no error, it is tried again."""
        await self._listener.start()

    async def close(self) -> None:
        await self._listener.close()

    def watch(self, prompt_id: str, graph: Mapping[str, Mapping[str, Any]] | None = None) -> Watch:
        """A watch for a prompt that is about to be submitted; enter it before the POST, so that no event is missed.

        `graph` names the nodes in events and makes the progress exact.
        """
        return Watch(self, prompt_id, graph)

    async def follow(
        self,
        prompt_id: str,
        on_event: OnEvent | None = None,
        cancelled: asyncio.Event | None = None,
        graph: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Outcome:
        """Follow a prompt that was submitted before (by an earlier process, say); asks for its state at once."""
        async with self.watch(prompt_id, graph) as watch:
            watch.check()
            return await watch.outcome(on_event, cancelled)

    def enter(self, watch: Watch) -> None:
        """Begin to pass a prompt's events to its watch."""
        if watch.prompt_id in self._watches:
            raise ValueError(f"the prompt {watch.prompt_id} is already followed")
        self._watches[watch.prompt_id] = watch

    def leave(self, watch: Watch) -> None:
        del self._watches[watch.prompt_id]

    def give_up(self, reason: str) -> None:
        """End the wait for every prompt: it is known that the backend will not answer about them any more."""
        for watch in self._watches.values():
            watch.give_up(Unreachable(reason))

    async def listening(self) -> None:
        """Give the socket a moment to be greeted before a prompt is submitted; without it the prompt is polled for."""
        await self._listener.ready(CONNECT_LIMIT_SECONDS)

    def refresh(self) -> None:
        """Open the socket anew, since it does not hear what happens."""
        self._listener.refresh()

    async def answers(self, limit_seconds: float) -> bool:
        """Whether the socket stands, and its other end answers in time."""
        return await self._listener.answers(limit_seconds)

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "status":
            self.heard = self.heard.updated(data)
        watch = self._watches.get(str(data.get("prompt_id")))
        if watch is not None:
            watch.hear(kind, data)

    def _see(self, metadata: dict[str, Any] | None, mime: str, image: bytes) -> None:
        if metadata is None:
            # The old form names no prompt: it is ours only where one prompt of ours, and no other, runs.
            running = [watch for watch in self._watches.values() if watch.running]
            if len(running) == 1:
                running[0].see({"node": None, "image": image, "mime": mime})
            return
        watch = self._watches.get(str(metadata.get("prompt_id")))
        if watch is not None:
            watch.see({"node": metadata.get("node_id"), "image": image, "mime": mime})

    def _reconcile(self) -> None:
        self.connections += 1
        for watch in self._watches.values():
            watch.check()


class Watch:
    """One prompt, from before its submission to its outcome."""

    def __init__(self, follower: Follower, prompt_id: str, graph: Mapping[str, Mapping[str, Any]] | None) -> None:
        self.prompt_id = prompt_id
        self.running = False
        self._follower = follower
        self._client = follower.client
        self._progress = Progress(graph)
        # What was heard, as (type, data); None asks for the truth.
        self._inbox: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self._end_heard = False
        self._stopped = False
        self._trouble: BackendError | None = None
        self._absences = 0
        self._silent_polls = 0
        self._passed_over = False
        self._unanswered_since: float | None = None

    async def __aenter__(self) -> Self:
        self._follower.enter(self)
        await self._follower.listening()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follower.leave(self)

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """Take a message of the socket about this prompt."""
        self.running = not _is_end(kind, data)
        self._inbox.put_nowait((kind, data))

    def see(self, preview: dict[str, Any]) -> None:
        """Take a preview image of this prompt."""
        self._inbox.put_nowait(("preview", preview))

    def check(self) -> None:
        """Ask history and queue soon."""
        self._inbox.put_nowait(None)

    def give_up(self, trouble: BackendError) -> None:
        """End the wait: `outcome` raises this."""
        self._trouble = trouble
        self.check()

    async def outcome(self, on_event: OnEvent | None = None, cancelled: asyncio.Event | None = None) -> Outcome:
        """Wait for the end, however long the prompt runs and however silent it is.

        Args:
            on_event: called in order, in this task; what it raises ends the wait.
            cancelled: when set, the prompt is deleted or interrupted, and the outcome is `interrupted` unless it had
                ended before.

        Raises:
            Unreachable: no answer for `patience_seconds`.
            StillRunning: it was to be cancelled and did not stop in that time.
        """
        tell = on_event or _ignore
        canceller = asyncio.create_task(self._cancel_when(cancelled)) if cancelled is not None else None
        try:
            outcome = await self._until_end(tell)
        finally:
            if canceller is not None:
                canceller.cancel()
                await asyncio.gather(canceller, return_exceptions=True)
        if outcome.state == "success":
            for event in self._progress.finish():
                tell(event)
        return outcome

    async def _until_end(self, tell: OnEvent) -> Outcome:
        pause = self._follower.poll_seconds
        while True:
            heard = None
            # Silence alone makes a socket suspect; a check after a reconnection does not.
            silent = False
            try:
                async with asyncio.timeout(pause):
                    heard = await self._inbox.get()
            except TimeoutError:
                silent = True
            if heard is not None:
                if not self._pass_on(heard, tell):
                    continue
                if not self._end_heard:
                    pause = FIRST_REREAD_SECONDS
                self._end_heard = True
            outcome = await self._ask(silent=silent)
            if outcome is not None:
                while not self._inbox.empty():
                    if (late := self._inbox.get_nowait()) is not None:
                        self._pass_on(late, tell)
                return outcome
            pause = min(pause * 2, self._follower.poll_seconds) if self._end_heard else self._follower.poll_seconds

    def _pass_on(self, heard: tuple[str, dict[str, Any]], tell: OnEvent) -> bool:
        """Tell what a message means; whether it means the end."""
        kind, data = heard
        if kind == "preview":
            tell(PromptEvent("preview", data))
            return False
        for event in self._events(kind, data):
            tell(event)
        return _is_end(kind, data)

    def _events(self, kind: str, data: dict[str, Any]) -> list[PromptEvent]:
        try:
            return list(self._progress.read(kind, data))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if not self._passed_over:  # a flood of them must not fill the log
                log.warning("%s: a %s message that no ComfyUI sends: %s", self._client.base_url, kind, error)
            self._passed_over = True
            return []

    async def _ask(self, *, silent: bool) -> Outcome | None:
        """The outcome if there is one by now; `silent` where nothing was heard for the time of a poll."""
        if self._trouble is not None:
            raise self._trouble
        try:
            entry = await self._client.history(self.prompt_id)
            queue = Queue((), ())
            if entry is None:
                queue = await self._client.queue()
                if self.prompt_id not in queue:
                    # It may have ended between the two questions.
                    entry = await self._client.history(self.prompt_id)
            outcome = outcome_of(entry) if entry is not None else None
        except BackendError as error:
            self._wait_for_answer(error)
            return None
        self._unanswered_since = None
        if outcome is not None:
            if silent and not self._end_heard:
                self._follower.refresh()
            return outcome
        if self.prompt_id in queue:
            self._absences = 0
            if silent:
                self._suspect_deafness(queue)
            return None
        return self._absent()

    def _absent(self) -> Outcome | None:
        """What it means that the backend knows nothing of the prompt."""
        self._absences += 1
        if self._stopped:
            return Outcome("interrupted")
        if self._end_heard and self._absences < REREADS:
            return None
        return Outcome("lost")

    def _suspect_deafness(self, queue: Queue) -> None:
        if self.prompt_id in queue.running and self._follower.connected and not self._progress.heard:
            self._silent_polls += 1
            if self._silent_polls == SILENT_POLLS:
                self._follower.refresh()

    def _wait_for_answer(self, error: BackendError) -> None:
        """Bear a backend without an answer for a while.

        Raises:
            Unreachable: for too long by now.
        """
        if self._follower.on_trouble is not None:
            self._follower.on_trouble()
        now = asyncio.get_running_loop().time()
        if self._unanswered_since is None:
            self._unanswered_since = now
            log.warning("%s does not answer, the prompt %s waits: %s", self._client.base_url, self.prompt_id, error)
        if now - self._unanswered_since >= self._follower.patience_seconds:
            limit = self._follower.patience_seconds
            raise Unreachable(f"{self._client.base_url} has given no answer for {limit:g} s: {error}") from error

    async def _cancel_when(self, cancelled: asyncio.Event) -> None:
        await cancelled.wait()
        try:
            await cancel(self._client, self.prompt_id, self._follower.patience_seconds)
            self._stopped = True
        except BackendError as error:
            self._trouble = error
        self.check()


def _is_end(kind: str, data: Mapping[str, Any]) -> bool:
    return kind in ENDINGS or (kind == "executing" and data.get("node") is None)


def _ignore(_event: PromptEvent) -> None:
    pass
