"""How long what will take: learned from what took how long on this machine, and told as a range.

A duration belongs to a kind: an output config, the chunk that made it, and the backend. Within a kind it may grow with
the work's size; a line through the last durations (Theil and Sen: the median of all slopes, so that a few odd ones do
not bend it) says how. What is left over is the spread. A sum of many has a smaller one, but never under `COMMON`: what
slows one slows the others too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import Any, Final

from devserver.clock import Clock
from devserver.durable.database import Database
from devserver.durable.journal import Place
from devserver.queueing.tickets import Work

KEPT: Final = 60  # durations of a kind: older ones tell of another time
RECENT: Final = 15
LATELY: Final = 8  # works of a backend, of whatever kind, that show whether it is slower now
MOST_DRIFT: Final = math.log(4)
PRIOR_SPREAD: Final = 0.5  # of one duration of which only few like it are known
LEAST_SPREAD: Final = 0.04
LEAST_SIZE: Final = 1e-6
MOST_SIZE: Final = 1e15
ENOUGH: Final = 5  # durations that show whether they grow with the size
BEYOND: Final = 0.15  # of spread for each factor of e outside of the sizes that were seen
COMMON: Final = 0.17
REACH: Final = 1.4  # spreads to either side
GROWING: Final = frozenset({"seconds", "duration", "steps", "width", "height", "frames", "batch_size"})
Kind = tuple[str, str, str]  # config, variant, backend
AROUND: Final = Work("@run")  # what a run takes beside its takes: texts, tags, the record


@dataclass(frozen=True)
class Guess:
    """A duration in seconds, and by which factor (as a logarithm) it is usually off."""

    seconds: float
    spread: float
    samples: int


@dataclass(frozen=True)
class Range:
    """From now, in seconds. `samples` is the number of durations that the least known part of it rests on."""

    low_seconds: float
    high_seconds: float
    samples: int

    def as_dict(self) -> dict[str, Any]:
        return {"low_seconds": self.low_seconds, "high_seconds": self.high_seconds, "samples": self.samples}


def size_of(values: Mapping[str, Any]) -> float:
    """What a prompt's length grows with, as one number."""
    found = [value for name, value in values.items() if name in GROWING and _counts(value)]
    return min(math.prod(map(float, found)), MOST_SIZE) if found else 1.0


def _counts(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST_SIZE


@dataclass(frozen=True)
class Law:
    """What the durations of one kind have in common: seconds by size, and how far off they are."""

    at: Callable[[float], float]
    drift: float
    spread: float
    sizes: tuple[float, float]
    samples: int

    def guess(self, size: float) -> Guess:
        size = max(size, LEAST_SIZE)
        return Guess(self.at(size) * math.exp(self.drift), self.spread + self._beyond(size), self.samples)

    def _beyond(self, size: float) -> float:
        """How much less is known of a size outside of those that were seen."""
        least, most = self.sizes
        away = max(0.0, math.log(size / most), math.log(least / size))
        return away * (BEYOND if self.samples >= ENOUGH else 2 * BEYOND)


def law(samples: Sequence[tuple[float, float]]) -> Law | None:
    """From (size, seconds) of works of one kind, the newest last; None where there are none."""
    known = [(max(one, LEAST_SIZE), max(seconds, 1e-3)) for one, seconds in samples[-KEPT:]]
    if not known:
        return None
    at = _by_size(known)
    off = [math.log(seconds / at(one)) for one, seconds in known]
    now = off[-RECENT:]
    middle = median(now)
    # The mean counts in a sum, and one that was stopped by something else for minutes must not rule it.
    drift = sum(min(max(one, middle - 0.7), middle + 0.7) for one in now) / len(now)
    spread = math.hypot(max(_spread(off), LEAST_SPREAD), PRIOR_SPREAD / len(known))
    sizes = [size for size, _ in known]
    return Law(at, drift, spread, (min(sizes), max(sizes)), len(known))


def guess(samples: Sequence[tuple[float, float]], size: float) -> Guess | None:
    """What a work of this size takes."""
    found = law(samples)
    return found.guess(size) if found is not None else None


def _by_size(known: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """Seconds by size."""
    sizes = [size for size, _ in known]
    least = min(seconds for _, seconds in known) / 2
    if len(known) < ENOUGH or max(sizes) < 1.2 * min(sizes):
        # Too few to see how it grows, and it may not at all: something between, less sure the farther away.
        middle = median(sizes)
        usual = median(seconds * math.sqrt(middle / size) for size, seconds in known)
        return lambda size: usual * math.sqrt(size / middle)
    slope = max(0.0, median(_slopes(known)))
    level = median(seconds - slope * size for size, seconds in known)
    return lambda size: max(level + slope * size, least)


def _slopes(known: Sequence[tuple[float, float]]) -> list[float]:
    return [
        (seconds - before) / (size - other)
        for index, (size, seconds) in enumerate(known)
        for other, before in known[:index]
        if abs(size - other) > 0.05 * max(size, other)
    ]


def _spread(off: Sequence[float]) -> float:
    if len(off) < 4:
        return 0.0
    fifths = quantiles(off, n=5, method="inclusive")
    return (fifths[-1] - fifths[0]) / 1.68  # of a normal distribution


def _drifted(found: Guess, off: Sequence[float]) -> Guess:
    """A guess on a machine that is slower or faster now than it was: other programs come and go."""
    if len(off) < 3:
        return found
    drift = median(off) * len(off) / (len(off) + 3)
    drift = min(max(drift, -MOST_DRIFT), MOST_DRIFT)
    return Guess(found.seconds * math.exp(drift), math.hypot(found.spread, drift / 4), found.samples)


class Sum:
    """Work that is done one after the other, from now on. A part that nothing is known of makes the whole unknown."""

    def __init__(self, parts: Iterable[Guess | None] = ()) -> None:
        self.seconds = self._variance = 0.0
        self._samples: int | None = None
        self.known = True
        for part in parts:
            self.add(part)

    def add(self, part: Guess | None, share: float = 1.0) -> None:
        """Add a part, or the share of it that is still to come."""
        if part is None:
            self.known = False
            return
        self.seconds += part.seconds * share
        self._variance += (part.seconds * part.spread) ** 2 * max(share, 0.2)
        self._samples = part.samples if self._samples is None else min(self._samples, part.samples)

    def copy(self) -> Sum:
        same = Sum()
        same.seconds, same._variance, same._samples, same.known = (
            self.seconds,
            self._variance,
            self._samples,
            self.known,
        )
        return same

    def range(self) -> Range | None:
        """None where a part is not known, or nothing is to come."""
        if not self.known or self._samples is None or self.seconds <= 0:
            return None
        spread = min(math.sqrt(self._variance) / self.seconds, 1.0)
        reach = REACH * math.hypot(spread, COMMON)
        low, high = self.seconds * math.exp(-reach), self.seconds * math.exp(reach)
        return Range(_rounded(low, down=True), _rounded(high, down=False), self._samples)


def _rounded(seconds: float, *, down: bool) -> float:
    """To two digits, and not finer than a hundredth of a second."""
    step = max(0.01, 10.0 ** (math.floor(math.log10(max(seconds, 1e-9))) - 1))
    steps = math.floor(seconds / step) if down else math.ceil(seconds / step)
    return round(steps * step, 2)


class Durations:
    """What took how long here: a table, read once for each kind and kept until that kind has a new one.

    Every method may be called from any thread.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db, self._clock = database, clock
        self._laws: dict[Kind, Law | None] = {}
        self._places: dict[tuple[str, str], tuple[str, str] | None] = {}  # of a config's chunk: when and where last
        self._off: dict[str, deque[float]] = {}  # by backend, the factors (as logarithms) of the last ones
        self.ended_at: dict[str, datetime] = {}  # when each backend was last seen to end something
        self._ended_s: dict[str, float] = {}  # the same on the clock that nobody sets

    def learn(self, place: Place, work: Work, backend: str, seconds: float) -> None:
        """Keep how long a take had the backend; of each kind the newest are kept."""
        known = self._law((work.config, work.variant, backend))
        if known is not None and backend:
            off = self._off.setdefault(backend, deque(maxlen=LATELY))
            off.append(math.log(max(seconds, 1e-3) / known.guess(work.size).seconds))
        kind, at = (work.config, work.variant, backend), self._clock.stamp()
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO durations (run_id, stage, take, config, variant, backend, size, seconds, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, stage, take) DO NOTHING",
                (place.run_id, place.stage, place.take, *kind, work.size, seconds, at),
            )
            db.execute(
                "DELETE FROM durations WHERE config = ? AND variant = ? AND backend = ? AND at < (SELECT min(at) FROM"
                " (SELECT at FROM durations WHERE config = ? AND variant = ? AND backend = ?"
                " ORDER BY at DESC LIMIT ?) AS newest)",
                (*kind, *kind, KEPT),
            )
        self._laws.pop(kind, None)
        self._places[work.config, work.variant] = (at, backend)

    def ended_well(self, place: Place) -> bool:
        """Whether the last attempt of a take has."""
        sql = "SELECT state FROM stages WHERE run_id = ? AND stage = ? AND take = ? ORDER BY attempt DESC LIMIT 1"
        return [row["state"] for row in self._db.rows(sql, place.run_id, place.stage, place.take)] == ["success"]

    def unfinished(self) -> set[str]:
        rows = self._db.rows("SELECT run_id FROM runs WHERE state IN ('queued', 'running')")
        return {row["run_id"] for row in rows}

    def worked(self, backend: str, granted_s: float) -> float:
        """How long a backend worked on what ends now: it began when its turn came, or when the one before had ended.

        Two have a turn at a time, and only one of them runs. `granted_s` is a time of the monotonic clock.
        """
        now_s, before_s = self._clock.monotonic(), self._ended_s.get(backend, granted_s)
        self._ended_s[backend], self.ended_at[backend] = now_s, self._clock.now()
        return now_s - max(granted_s, before_s)

    def guess(self, work: Work, backend: str) -> Guess | None:
        """How long a work has a backend; what all of its works were off by of late counts too."""
        found = self._law((work.config, work.variant, backend))
        return _drifted(found.guess(work.size), self._off.get(backend, ())) if found else None

    def _law(self, kind: Kind) -> Law | None:
        if kind not in self._laws:
            sql = (
                "SELECT size, seconds FROM durations WHERE config = ? AND variant = ? AND backend = ?"
                " ORDER BY at DESC LIMIT ?"
            )
            self._laws[kind] = law([(row["size"], row["seconds"]) for row in reversed(self._db.rows(sql, *kind, KEPT))])
        return self._laws[kind]

    def usual_way(self, ways: Sequence[Work]) -> tuple[Work, str] | None:
        """Which of several ways was used last, and on which backend; None where none of them ever was."""
        used = [(*place, work) for work in ways if (place := self._place(work)) is not None]
        _, backend, work = max(used, key=lambda one: one[0], default=("", "", Work()))
        return (work, backend) if used else None

    def _place(self, work: Work) -> tuple[str, str] | None:
        kind = (work.config, work.variant)
        if kind not in self._places:
            sql = "SELECT at, backend FROM durations WHERE config = ? AND variant = ? ORDER BY at DESC LIMIT 1"
            rows = self._db.rows(sql, *kind)
            self._places[kind] = (rows[0]["at"], rows[0]["backend"]) if rows else None
        return self._places[kind]
