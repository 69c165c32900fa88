"""Circuit breakers: a backend that answers, and at which takes fail that others make, is given nothing for a while.

A take that fails is tried at one other backend. Until that has ended, the backend where it failed is under suspicion:
it has one place, and gets no take of the same output. If the other one makes the take, the fault was the backend's; if
it fails there too, it was the take's own. After three faults of its own a backend is put aside, and probed with one
take after a pause that grows. On the loop; other threads only read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

from devserver.queueing.tickets import Key
from devserver.system.clock import Clock

FAULTS_ALLOWED: Final = 2  # one more, and it is put aside
FIRST_PAUSE_S: Final = 60.0
LONGEST_PAUSE_S: Final = 3600.0

log = logging.getLogger(__name__)


@dataclass
class Breaker:
    """What is held against one backend.

    Attributes:
        suspects: the takes that failed there and have not ended elsewhere yet, each with its output.
        faults: how many takes in a row failed there that others made.
        aside_until_s: until when it is given nothing, by the monotonic clock; 0 where it is not put aside.
        pause_s: how long it was put aside last.
        problem: what its last fault said.
    """

    suspects: dict[Key, str] = field(default_factory=dict)
    faults: int = 0
    aside_until_s: float = 0.0
    pause_s: float = 0.0
    problem: str = ""

    @property
    def is_open(self) -> bool:
        """Return True where it is put aside, or probed since."""
        return self.faults > FAULTS_ALLOWED


class Breakers:
    """The breaker of each backend."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[str, Breaker] = {}

    def of(self, backend: str) -> Breaker:
        return self._of.get(backend) or Breaker()

    # What happens

    def note_failed(self, key: Key, output: str, backend: str, problem: str) -> None:
        """Note that a take failed at a backend; where that was probed with it, it is put aside again."""
        breaker = self._of.setdefault(backend, Breaker())
        breaker.suspects[key], breaker.problem = output, problem
        if breaker.is_open:
            self._put_aside(backend, breaker)

    def note_made(self, key: Key, backend: str) -> None:
        """Note that a backend made a take: the fault was that of those where it failed before."""
        for name, breaker in self._of.items():
            if breaker.suspects.pop(key, None) is not None and name != backend:
                breaker.faults += 1
                if breaker.is_open:
                    self._put_aside(name, breaker)
        well = self.of(backend)
        if well.is_open:
            log.warning("the backend %s makes takes again", backend)
        well.faults, well.aside_until_s, well.pause_s = 0, 0.0, 0.0

    def note_given_up(self, key: Key) -> None:
        """Note that a take ended without a backend that made it: nobody is to blame for it."""
        for breaker in self._of.values():
            breaker.suspects.pop(key, None)

    def _put_aside(self, backend: str, breaker: Breaker) -> None:
        breaker.pause_s = min(max(2 * breaker.pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        breaker.aside_until_s = self._clock.monotonic() + breaker.pause_s
        log.error(
            "the backend %s is put aside for %g s: %d takes failed there that others made, the last with: %s",
            *(backend, breaker.pause_s, breaker.faults, breaker.problem),
        )

    # What follows

    def accepts(self, backend: str) -> bool:
        """Return whether a backend may be given anything: it is not put aside, or its pause is over."""
        return self._clock.monotonic() >= self.of(backend).aside_until_s

    def is_watched(self, backend: str) -> bool:
        """Return True where a backend has one place only: a take failed there, or it is probed."""
        breaker = self.of(backend)
        return bool(breaker.suspects) or breaker.is_open

    def refuses(self, backend: str, output: str) -> bool:
        """Return True where a take of this output failed at a backend, and nobody knows yet whose fault that was."""
        return output in self.of(backend).suspects.values()

    def again_in_s(self) -> float:
        """Return the seconds until the next backend may be probed; infinite where none is put aside."""
        now_s = self._clock.monotonic()
        lefts = [one.aside_until_s - now_s for one in self._of.values() if one.aside_until_s > now_s]
        return min(lefts, default=float("inf"))
