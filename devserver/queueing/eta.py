"""Durations of works, learned from earlier ones of their kind on this machine and promised as a range.

Works of a kind share an output config, the chunk that makes it, and the backend. A straight line through the logarithms
of the last sizes and seconds says how they grow: at most in proportion. The middle two thirds of the distances to that
line, and a margin, are the range.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import linear_regression, median, quantiles
from typing import Final, TypeGuard

from devserver.durable.sql import Transaction
from devserver.model.rows import Place
from devserver.model.server import TimeLeft
from devserver.queueing.tickets import Work
from devserver.system.clock import Clock

KEPT: Final = 30  # durations of a kind: older ones tell of another time
ENOUGH: Final = 5  # durations that show how they grow with the size
MARGIN: Final = 0.12  # added at either end of a range, as a logarithm
UNSURE: Final = 0.5  # the same where one duration is known; a half of it for two, and so on
MOST_SIZE: Final = 1e15
READ_AGAIN_S: Final = 60.0  # other processes learn too
GROWING: Final = frozenset({"seconds", "duration", "steps", "width", "height", "frames", "batch_size"})
Kind = tuple[str, str, str]  # config, variant, backend
Sample = tuple[float, float]  # size, seconds
FRESH_DAYS: Final = 7  # what was measured before that counts as one sample in all
AROUND: Final = Work("@run")  # a run's time beside its takes: texts, tags, the record


@dataclass(frozen=True)
class Guess:
    """The seconds that a work takes: at least, usually, at most.

    `samples` is the number of durations that the least known part of it rests on.
    """

    low: float
    usual: float
    high: float
    samples: int

    def times(self, share: float) -> Guess:
        return Guess(self.low * share, self.usual * share, self.high * share, self.samples)

    def as_time_left(self) -> TimeLeft:
        """Seconds from now to two digits, and not finer than a hundredth."""
        step = max(0.01, 10.0 ** (math.floor(math.log10(self.low or 1)) - 1))
        low, high = math.floor(self.low / step) * step, math.ceil(self.high / step) * step
        return TimeLeft(low_seconds=round(low, 2), high_seconds=round(high, 2), samples=self.samples)


def total(guesses: Iterable[Guess | None]) -> Guess | None:
    """Works that are done one after the other; None where nothing is known of one of them."""
    low = usual = high = 0.0
    samples = KEPT
    for one in guesses:
        if one is None:
            return None
        low, usual, high, samples = low + one.low, usual + one.usual, high + one.high, min(samples, one.samples)
    return Guess(low, usual, high, samples)


def size_of(values: Mapping[str, object]) -> float:
    """The product of everything in a prompt that makes its work longer."""
    sizes = [float(value) for name, value in values.items() if name in GROWING and _counts(value)]
    return min(math.prod(sizes), MOST_SIZE)


def _counts(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST_SIZE


@dataclass(frozen=True)
class Law:
    """Seconds by size for the works of one kind, all as logarithms."""

    slope: float
    low: float
    usual: float
    high: float
    sizes: tuple[float, float]  # between which it was seen
    samples: int

    def guess(self, size: float) -> Guess:
        """Beyond the sizes that were seen, a work may grow in proportion, or not at all."""
        at = _log(size)
        edge = min(max(at, self.sizes[0]), self.sizes[1])
        low = self.low + self.slope * edge + min(at - edge, 0)
        high = self.high + self.slope * edge + max(at - edge, 0)
        return Guess(math.exp(low), math.exp(self.usual + self.slope * at), math.exp(high), self.samples)


def law(samples: Sequence[Sample]) -> Law:
    """From works of one kind: one at least."""
    sizes, seconds = ([_log(value) for value in values] for values in zip(*samples, strict=True))
    slope, seen = 0.5, (median(sizes), median(sizes))  # something between, while nothing shows it
    if len(samples) >= ENOUGH and min(sizes) < max(sizes):
        slope, seen = min(max(linear_regression(sizes, seconds).slope, 0.0), 1.0), (min(sizes), max(sizes))
    off = [one - slope * size for size, one in zip(sizes, seconds, strict=True)]
    sixths = quantiles(off * 2, n=6, method="inclusive")  # twice, since a single one has none
    more = MARGIN + UNSURE / len(samples)
    return Law(slope, sixths[0] - more, median(off), sixths[-1] + more, seen, len(samples))


def _log(value: float) -> float:
    return math.log(max(value, 1e-3))


@dataclass(frozen=True)
class Measured:
    """One duration, as it was measured: with its models loaded already or not, and on which device and version."""

    size: float
    seconds: float
    at: str
    loaded: bool = True
    device: str = ""


class Durations:
    """The table of durations, and the laws that follow from it. Every method may be called from any thread.

    Attributes:
        devices: device and version of each backend, as it tells them now.
        ended_at: when each backend was last seen to end something.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read_s = float("-inf")
        self._measured: dict[Kind, deque[Measured]] = {}
        self._laws: dict[Kind, tuple[str, Law | None, float]] = {}
        self._last: dict[tuple[str, str], tuple[str, str]] = {}  # when and where a config's chunk was last used
        self.devices: dict[str, str] = {}
        self.ended_at: dict[str, datetime] = {}

    def learn(self, tx: Transaction, place: Place, work: Work, backend: str, seconds: float, *, loaded: bool) -> None:
        """Write down how long a prompt ran, of each kind the newest; `read_again` once it is committed."""
        kind, at = (work.config, work.variant, backend), self._clock.stamp()
        tx.execute(
            "INSERT INTO durations (run_id, stage, take, config, variant, backend, size, seconds, at, loaded, device)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (run_id, stage, take) DO NOTHING",
            (
                *(place.run_id, place.stage, place.take, *kind, work.size, seconds, at),
                *(int(loaded), self.devices.get(backend, "")),
            ),
        )
        tx.execute(
            "DELETE FROM durations WHERE config = $1 AND variant = $2 AND backend = $3 AND at <"
            " (SELECT min(at) FROM (SELECT at FROM durations WHERE config = $4 AND variant = $5 AND backend = $6"
            " ORDER BY at DESC LIMIT $7) AS newest)",
            (*kind, *kind, KEPT),
        )

    def read_again(self) -> None:
        """Read the table with the next question: something was learned."""
        self._read_s = float("-inf")

    def read(self, tx: Transaction) -> None:
        """Read the table, unless that was done a moment ago."""
        now_s = self._clock.monotonic()
        if now_s - self._read_s < READ_AGAIN_S:
            return
        measured: dict[Kind, deque[Measured]] = defaultdict(lambda: deque(maxlen=KEPT))
        for row in tx.rows("SELECT * FROM durations ORDER BY at"):
            one = Measured(row["size"], row["seconds"], row["at"], bool(row["loaded"]), row["device"])
            measured[row["config"], row["variant"], row["backend"]].append(one)
            self._last[row["config"], row["variant"]] = row["at"], row["backend"]
        self._measured, self._laws, self._read_s = dict(measured), {}, now_s

    def unfinished(self, tx: Transaction) -> set[str]:
        rows = tx.rows("SELECT run_id FROM runs WHERE state IN ('queued', 'running')")
        return {row["run_id"] for row in rows}

    def note_ended(self, backend: str) -> None:
        """Note that a backend has ended something: the next prompt there begins."""
        self.ended_at[backend] = self._clock.now()

    def guess(self, work: Work, backend: str) -> Guess | None:
        """Return the expected duration of a work at a backend; None where nothing like it was made there yet."""
        known, _ = self._law((work.config, work.variant, backend))
        return known.guess(work.size) if known is not None else None

    def load_s(self, work: Work, backend: str) -> float:
        """Return the seconds that loading the models of a work has taken at a backend; 0 where that is unknown."""
        return self._law((work.config, work.variant, backend))[1]

    def _law(self, kind: Kind) -> tuple[Law | None, float]:
        device = self.devices.get(kind[2], "")
        known = self._laws.get(kind)
        if known is None or known[0] != device:
            known = self._laws[kind] = device, *_learn(self._measured.get(kind, ()), device, self._oldest())
        return known[1:]

    def _oldest(self) -> datetime:
        return self._clock.now() - timedelta(days=FRESH_DAYS)

    def usual(self, ways: Sequence[Work]) -> tuple[str, Guess | None]:
        """The backend of the way that was used last, and how long it takes there; ("", None) where none ever was."""
        used = [(*self._last[key], work) for work in ways if (key := (work.config, work.variant)) in self._last]
        _, backend, work = max(used, key=lambda one: one[0], default=("", "", None))
        return backend, self.guess(work, backend) if work is not None else None


def _learn(measured: Iterable[Measured], device: str, oldest: datetime) -> tuple[Law | None, float]:
    """Return the law of what was measured with models loaded, and how many seconds loading them takes beside it."""
    everything = list(measured)
    current = [
        one
        for one in everything
        if datetime.fromisoformat(one.at) >= oldest and (not one.device or one.device == device)
    ]
    if len(current) < len(everything):  # another device, or long ago: no more than a hint
        others = [one for one in everything if one not in current]
        current.append(sorted(others, key=lambda one: one.seconds)[len(others) // 2])
    warm = [(one.size, one.seconds) for one in current if one.loaded]
    cold = [(one.size, one.seconds) for one in current if not one.loaded]
    if not warm:
        return (law(cold) if cold else None), 0.0
    known = law(warm)
    loads = [seconds - known.guess(size).usual for size, seconds in cold]
    return known, max(0.0, median(loads)) if loads else 0.0
