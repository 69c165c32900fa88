"""The bus that tells the listeners in this process of events."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final

from devserver.model.events import Event, OtherData, Passing, Preview, Progress, RunEnded, TextDelta
from devserver.system.clock import Clock

QUEUE_LIMIT: Final = 1024
TRANSIENT_PER_SECOND: Final = 5


class Lagged:
    """Stands in a subscription where events were dropped: read them from the journal."""


LAGGED: Final = Lagged()


class Subscription:
    """An endless async iterator over events, until closed. Lives on the loop that made it."""

    def __init__(self, bus: Bus, run_id: str | None) -> None:
        self._bus = bus
        self.run_id = run_id
        self._waiting: deque[Event | Lagged] = deque()
        self._ready = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._parked = False  # whether the reader waits for what comes next
        # Where it is set: takes an event at once, in place of a reader that waits; False leaves it to the reader.
        self.tap: Callable[[Event], bool] | None = None
        self.only: str | None = None  # the kind that alone is heard
        self.closed = False

    def hears_only(self, kind: str) -> None:
        """Leave out every event of another kind from now on."""
        self.only = kind

    def hears(self, event: Event) -> bool:
        return not self.closed and self.only in (None, event.kind)

    def _offer(self, event: Event) -> None:
        if not self.hears(event):
            return
        if self.tap is not None and self._parked and not self._waiting and self.tap(event):
            return
        if len(self._waiting) >= QUEUE_LIMIT:
            self._waiting.clear()
            self._waiting.append(LAGGED)
        else:
            self._waiting.append(event)
        self._ready.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event | Lagged:
        while not self._waiting:
            if self.closed:
                raise StopAsyncIteration
            self._ready.clear()
            self._parked = True
            try:
                await self._ready.wait()
            finally:
                self._parked = False
        return self._waiting.popleft()

    def close(self) -> None:
        """End the iteration; what was not read yet is dropped."""
        self.closed = True
        self._waiting.clear()
        self._ready.set()
        self._bus.forget(self)


class Bus:
    """Tells every listener of this process about every event. `publish` may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By run, None for those who hear everything: with hundreds of requests waiting, each event finds its one.
        self._subscriptions: dict[str | None, tuple[Subscription, ...]] = {}
        self._last_transient: dict[tuple[str | None, str, int, str], float] = {}
        self.unstored: Counter[str] = Counter()  # the number of events of each kind that were published and not stored
        # Called with events that are not stored, where other processes have listeners too.
        self.outlet: Callable[[Event], None] | None = None

    def subscribe(self, run_id: str | None = None) -> Subscription:
        """Listen to one run, or to everything. Must be called on an event loop."""
        subscription = Subscription(self, run_id)
        with self._lock:
            self._subscriptions[run_id] = (*self._subscriptions.get(run_id, ()), subscription)
        return subscription

    @property
    def listening(self) -> int:
        """The number of listeners now."""
        with self._lock:
            return sum(len(subscriptions) for subscriptions in self._subscriptions.values())

    def forget(self, subscription: Subscription) -> None:
        with self._lock:
            others = tuple(s for s in self._subscriptions.get(subscription.run_id, ()) if s is not subscription)
            if others:
                self._subscriptions[subscription.run_id] = others
            else:
                self._subscriptions.pop(subscription.run_id, None)

    def listened_to(self) -> set[str]:
        """Return the runs that somebody listens to alone, for more than their end."""
        with self._lock:
            listening = [(run_id, own) for run_id, own in self._subscriptions.items() if run_id is not None]
        return {run_id for run_id, own in listening if any(subscription.only is None for subscription in own)}

    @property
    def hears_everything(self) -> bool:
        """Tell whether a listener of this or another process hears more than single runs."""
        return self.outlet is not None or bool(self._subscriptions.get(None))

    def tell_listeners(self, run_id: str, data: Passing) -> None:
        """Tell those alone who listen to this one run: it would be too much for those who hear everything."""
        event = Event(None, run_id, "", 0, 0, self._clock.stamp(), data)
        _deliver(self._subscriptions.get(run_id, ()), event)

    def publish(self, event: Event) -> None:
        """Hand a stored event to every listener."""
        listeners = self._subscriptions.get(None, ())
        if event.run_id is not None:
            listeners += self._subscriptions.get(event.run_id, ())
        _deliver(listeners, event)
        if isinstance(event.data, RunEnded):
            with self._lock:
                for key in [key for key in self._last_transient if key[0] == event.run_id]:
                    del self._last_transient[key]

    def tell(self, run_id: str | None, data: Passing | OtherData, *, stage: str = "", take: int = 0) -> None:
        """Publish an event that is not stored. The transient kinds go out at most five times a second each."""
        kind = data.event_kind
        if isinstance(data, Progress | Preview | TextDelta):
            key, now = (run_id, stage, take, kind), self._clock.monotonic()
            with self._lock:
                if now - self._last_transient.get(key, -1.0) < 1 / TRANSIENT_PER_SECOND:
                    return
                self._last_transient[key] = now
        with self._lock:
            self.unstored[kind] += 1
        event = Event(None, run_id, stage, take, 0, self._clock.stamp(), data)
        self.publish(event)
        if self.outlet is not None:
            self.outlet(event)


def _deliver(listeners: Sequence[Subscription], event: Event) -> None:
    """Offer an event to those who hear its kind, each on its own loop, which is woken once for all of them."""
    listeners = [listener for listener in listeners if listener.hears(event)]
    for loop in {listener._loop for listener in listeners}:  # noqa: SLF001 - one thing with the bus
        if not loop.is_closed():
            loop.call_soon_threadsafe(_offer_all, loop, listeners, event)


def _offer_all(loop: asyncio.AbstractEventLoop, listeners: Sequence[Subscription], event: Event) -> None:
    for listener in listeners:
        if listener._loop is loop:  # noqa: SLF001 - one thing with the bus
            listener._offer(event)  # noqa: SLF001 - same
