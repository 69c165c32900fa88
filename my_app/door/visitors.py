"""Memory of visitors: wrong keys by address, and the owner of each run."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from devserver.users.keys import Keys

TRIES: Final = 10  # wrong keys that one address may show in a row
WINDOW_S: Final = 60.0  # how long each of them counts
MOST_ADDRESSES: Final = 10_000
MOST_RUNS: Final = 10_000


@dataclass(frozen=True)
class Visitor:
    """The user who asks."""

    user_id: str
    keys: Keys

    @property
    def viewer(self) -> str | None:
        """The user whose runs and files are shown; None for everybody's."""
        return self.keys.viewer(self.user_id)


@dataclass
class Tries:
    """Counts the wrong keys of each address lately.

    A right key is let in all the same: behind a proxy all have one address, and who guesses there must not lock out the
    owner. Nobody guesses 256 bits; this keeps the guessing from costing more than it must.
    """

    clock: Callable[[], float] = time.monotonic
    _failed: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)

    def count_wrong(self, address: str) -> float:
        """Count a wrong key; returns for how many seconds this address is not answered, 0.0 where it is."""
        now = self.clock()
        lately = [at for at in self._failed.pop(address, []) if now - at < WINDOW_S]
        if len(lately) < TRIES:
            lately.append(now)
        self._failed[address] = lately
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)
        return 0.0 if len(lately) < TRIES else max(1.0, WINDOW_S - (now - lately[0]))


@dataclass
class Owners:
    """The owners of runs, looked up once: a run's owner never changes."""

    find: Callable[[str], Awaitable[str | None]]
    _known: OrderedDict[str, str] = field(default_factory=OrderedDict)

    async def of(self, run_id: str) -> str | None:
        """Return the user who started a run; None where there is no such run."""
        known = self._known.get(run_id)
        if known is not None:
            return known
        found = await self.find(run_id)
        if found is not None:
            self._known[run_id] = found
            if len(self._known) > MOST_RUNS:
                self._known.popitem(last=False)
        return found
