"""Follow prompts to their end: the socket reports progress, history and queue decide the outcome."""

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
from devserver.comfy.prompt import Outcome, Progress, PromptEvent, parse_outcome
from devserver.errors.sentences import say
from schemas.graph import Graph

OnEvent = Callable[[PromptEvent], None]

CONNECT_LIMIT_SECONDS = 1.0
FIRST_REREAD_SECONDS = 0.02
# Re-reads of the history after the socket reported an end, with doubling pauses: about three seconds.
REREADS = 8
# Consecutive polls that see a prompt run without a message on the socket: the socket is broken.
SILENT_POLLS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueReport:
    """The last report of the queue on the socket: its length, running prompts included, and the number of reports."""

    length: int | None = None
    times: int = 0


class Follower:
    """Follows any number of prompts of one backend over one socket.

    Args:
        client: the backend.
        client_id: of this process alone; prompts must be submitted with it.
        poll_seconds: after this long without a message about a prompt, history and queue are read.
        patience_seconds: how long the backend may be unreachable while prompts are followed.
        on_trouble: called each time that a request about a prompt fails.
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
        self.on_queue: Callable[[], None] = lambda: None  # called when the queue has become shorter or longer
        self.queue_report = QueueReport()
        self.connections = 0  # number of times that the socket was opened
        self._watches: dict[str, Watch] = {}
        self._listener = Listener(client, client_id, self._on_message, self._on_connect)

    @property
    def connected(self) -> bool:
        """Tell whether the socket is open; without it, prompts are followed by polling."""
        return self._listener.connected

    @property
    def prompt_count(self) -> int:
        """Return the number of prompts that are followed."""
        return len(self._watches)

    async def start(self) -> None:
        """Open the socket; if the backend is not up yet, it is tried again later."""
        await self._listener.start()

    async def close(self) -> None:
        await self._listener.close()

    def watch(self, prompt_id: str, graph: Graph | None = None) -> Watch:
        """Return a watch for a prompt; enter it before the POST, so that no event is missed.

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
        """End the wait for every prompt, when the backend is known not to answer any more."""
        for watch in self._watches.values():
            watch.give_up(Unreachable(reason))

    async def wait_for_socket(self) -> None:
        """Give the socket a moment to connect before a prompt is submitted; without it the prompt is polled."""
        await self._listener.connect_now(CONNECT_LIMIT_SECONDS)

    def reconnect(self) -> None:
        """Open the socket again, since it receives no messages."""
        self._listener.reconnect()

    async def answers_ping(self, limit_seconds: float) -> bool:
        """Tell whether the socket is open, and the backend answers a ping in time."""
        return await self._listener.answers_ping(limit_seconds)

    def _on_message(self, message: Message) -> None:
        if isinstance(message, QueueStatus):
            before, self.queue_report = self.queue_report, QueueReport(message.length, self.queue_report.times + 1)
            if before.length != message.length:
                self.on_queue()
        watch = self._watches.get(message.prompt_id)
        if isinstance(message, PreviewSeen) and not message.prompt_id:
            # The old form names no prompt: it is attributed only if exactly one prompt of ours runs.
            running = [each for each in self._watches.values() if each.running]
            watch = running[0] if len(running) == 1 else None
        if watch is not None:
            watch.receive(message)

    def _on_connect(self) -> None:
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
        self._update = Progress(graph)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()  # None requests a check of history and queue
        self._end_seen = False
        self._trouble: BackendError | None = None
        self._absences = 0
        self._silent_polls = 0
        self._unanswered_since: float | None = None

    async def __aenter__(self) -> Self:
        self._follower.enter(self)
        await self._follower.wait_for_socket()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follower.leave(self)

    def receive(self, message: Message) -> None:
        """Queue a message of the socket about this prompt."""
        if not isinstance(message, PreviewSeen):
            self.running = not _is_end(message)
        self._inbox.put_nowait(message)

    def check(self) -> None:
        """Request a check of history and queue."""
        self._inbox.put_nowait(None)

    def give_up(self, trouble: BackendError) -> None:
        """End the wait: `wait_for_outcome` raises this error."""
        self._trouble = trouble
        self.check()

    async def wait_for_outcome(self, on_event: OnEvent | None = None) -> Outcome:
        """Wait for the end of the prompt, without a time limit.

        Args:
            on_event: called in order, in this task; an exception from it ends the wait.

        Raises:
            Unreachable: no answer for `patience_seconds`.
        """
        notify = on_event or _ignore
        outcome = await self._wait_for_end(notify)
        if outcome.state == "success":
            for event in self._update.finish():
                notify(event)
        return outcome

    async def _wait_for_end(self, on_event: OnEvent) -> Outcome:
        pause = self._follower.poll_seconds
        while True:
            message = None
            # Only silence makes a socket suspect; a check after a reconnection does not.
            silent = False
            try:
                async with asyncio.timeout(pause):
                    message = await self._inbox.get()
            except TimeoutError:
                silent = True
            if message is not None:
                if not self._pass_on(message, on_event):
                    continue
                if not self._end_seen:
                    pause = FIRST_REREAD_SECONDS
                self._end_seen = True
            outcome = await self._ask(silent=silent)
            if outcome is not None:
                while not self._inbox.empty():
                    if (late := self._inbox.get_nowait()) is not None:
                        self._pass_on(late, on_event)
                return outcome
            pause = min(pause * 2, self._follower.poll_seconds) if self._end_seen else self._follower.poll_seconds

    def _pass_on(self, message: Message, on_event: OnEvent) -> bool:
        """Report the events of a message; return whether it is the last."""
        for event in self._update.read(message):
            on_event(event)
        return _is_end(message)

    async def _ask(self, *, silent: bool) -> Outcome | None:
        """Return the outcome if there is one; `silent` says that no message came since the last poll."""
        if self._trouble is not None:
            raise self._trouble
        try:
            entry = await self._client.history(self.prompt_id)
            queue = Queue((), ())
            if entry is None:
                queue = await self._client.queue()
                if self.prompt_id not in queue:
                    # It may have ended between the two requests.
                    entry = await self._client.history(self.prompt_id)
            outcome = parse_outcome(entry) if entry is not None else None
        except BackendError as error:
            self._note_trouble(error)
            return None
        self._unanswered_since = None
        if outcome is not None:
            if silent and not self._end_seen:
                self._follower.reconnect()
            return outcome
        if self.prompt_id in queue:
            self._absences = 0
            if silent:
                self._count_silent_polls(queue)
            return None
        return self._handle_absence()

    def _handle_absence(self) -> Outcome | None:
        """Return the outcome of a prompt that the backend does not know; None if its history may still appear."""
        self._absences += 1
        if self._end_seen and self._absences < REREADS:
            return None
        return Outcome("lost")

    def _count_silent_polls(self, queue: Queue) -> None:
        if self.prompt_id in queue.running and self._follower.connected and not self._update.has_messages:
            self._silent_polls += 1
            if self._silent_polls == SILENT_POLLS:
                self._follower.reconnect()

    def _note_trouble(self, error: BackendError) -> None:
        """Tolerate an unreachable backend for a while.

        Raises:
            Unreachable: it has been unreachable for too long.
        """
        if self._follower.on_trouble is not None:
            self._follower.on_trouble()
        now = asyncio.get_running_loop().time()
        if self._unanswered_since is None:
            self._unanswered_since = now
            log.warning(
                "%s does not answer; still waiting for the prompt %s: %s", self._client.base_url, self.prompt_id, error
            )
        if now - self._unanswered_since >= self._follower.patience_seconds:
            limit = self._follower.patience_seconds
            said = say("backend_silent_for", address=self._client.base_url, limit_s=limit, problem=error.said)
            raise Unreachable(said) from error


def _is_end(message: Message) -> bool:
    return isinstance(message, PromptEnded) or (isinstance(message, NodeEntered) and message.node is None)


def _ignore(_event: PromptEvent) -> None:
    pass
