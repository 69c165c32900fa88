"""Following prompts to their end: the socket tells what happens, history and queue tell what is true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from devserver.comfy.client import Client, Queue
from devserver.comfy.errors import BackendError, Unreachable
from devserver.comfy.listen import Listener
from devserver.comfy.messages import Message, NodeEntered, PreviewSeen, PromptEnded, QueueStatus
from devserver.comfy.prompt import Outcome, Progress, PromptEvent, outcome_of
from schemas.graph import Graph

OnEvent = Callable[[PromptEvent], None]

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
        self._listener = Listener(client, client_id, self._hear, self._reconcile)

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

    def watch(self, prompt_id: str, graph: Graph | None = None) -> Watch:
        """A watch for a prompt that is about to be submitted; enter it before the POST, so that no event is missed.

        `graph` names the nodes in events and makes the progress exact.
        """
        return Watch(self, prompt_id, graph)

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

    def _hear(self, message: Message) -> None:
        if isinstance(message, QueueStatus):
            self.heard = QueueHeard(message.length, self.heard.times + 1)
        watch = self._watches.get(message.prompt_id)
        if isinstance(message, PreviewSeen) and not message.prompt_id:
            # The old form names no prompt: it is ours only where one prompt of ours, and no other, runs.
            running = [each for each in self._watches.values() if each.running]
            watch = running[0] if len(running) == 1 else None
        if watch is not None:
            watch.hear(message)

    def _reconcile(self) -> None:
        self.connections += 1
        for watch in self._watches.values():
            watch.check()


class Watch:
    """One prompt, from before its submission to its outcome."""

    def __init__(self, follower: Follower, prompt_id: str, graph: Graph | None) -> None:
        self.prompt_id = prompt_id
        self.running = False
        self._follower = follower
        self._client = follower.client
        self._progress = Progress(graph)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()  # None asks for the truth
        self._end_heard = False
        self._trouble: BackendError | None = None
        self._absences = 0
        self._silent_polls = 0
        self._unanswered_since: float | None = None

    async def __aenter__(self) -> Self:
        self._follower.enter(self)
        await self._follower.listening()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follower.leave(self)

    def hear(self, message: Message) -> None:
        """Take a message of the socket about this prompt."""
        if not isinstance(message, PreviewSeen):
            self.running = not _is_end(message)
        self._inbox.put_nowait(message)

    def check(self) -> None:
        """Ask history and queue soon."""
        self._inbox.put_nowait(None)

    def give_up(self, trouble: BackendError) -> None:
        """End the wait: `outcome` raises this."""
        self._trouble = trouble
        self.check()

    async def outcome(self, on_event: OnEvent | None = None) -> Outcome:
        """Wait for the end, however long the prompt runs and however silent it is.

        Args:
            on_event: called in order, in this task; what it raises ends the wait.

        Raises:
            Unreachable: no answer for `patience_seconds`.
        """
        tell = on_event or _ignore
        outcome = await self._until_end(tell)
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

    def _pass_on(self, heard: Message, tell: OnEvent) -> bool:
        """Tell what a message means; whether it means the end."""
        for event in self._progress.read(heard):
            tell(event)
        return _is_end(heard)

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


def _is_end(message: Message) -> bool:
    return isinstance(message, PromptEnded) or (isinstance(message, NodeEntered) and message.node is None)


def _ignore(_event: PromptEvent) -> None:
    pass
