"""Time in a test's hand: a clock that is set, and a loop on which minutes pass as soon as nobody has anything to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from devserver.system.clock import Clock

Result = TypeVar("Result")

QUIET_S = 0.002  # as long as nothing is heard, really


class TestClock(Clock):
    """The real one, until it is set."""

    __test__ = False

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off


class _Selector(selectors.DefaultSelector):
    """Waits for what happens a moment only; then the time has come for which the loop waits."""

    skipped_s = 0.0
    skips = False

    def select(self, timeout: float | None = None) -> Any:
        if not self.skips or timeout is None or timeout <= QUIET_S:
            return super().select(timeout)
        heard = super().select(QUIET_S)
        if not heard:
            self.skipped_s += timeout - QUIET_S
        return heard


class SkippingLoop(asyncio.SelectorEventLoop):
    """Everything that talks must be on this loop: then there is silence only where all of them wait for a time."""

    def __init__(self) -> None:
        self.waiting = _Selector()
        super().__init__(self.waiting)

    def time(self) -> float:
        return super().time() + self.waiting.skipped_s


class LoopClock(Clock):
    """The time of such a loop."""

    def __init__(self, loop: SkippingLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._loop.waiting.skipped_s)

    def monotonic(self) -> float:
        return self._loop.time()


def run_skipping(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on such a loop; it skips nothing before it is told to."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main)
