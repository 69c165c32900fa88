"""The plan of an arrangement, and the place of each piece of the sound that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Self

import numpy as np
from pydantic import Field, model_validator

from .audio import STRETCH, Samples, Work
from .meter import Array
from .mixing import StemName, stereo_matrix
from .plan import Plan

MOST_SECONDS: Final = 7200.0
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
Bar = Annotated[float, Field(ge=1, le=100_000)]
Bars = Annotated[float, Field(gt=0, le=100_000)]


class Span(Plan):
    """A stretch of the source, in seconds from its start, or in bars, of which the first is 1."""

    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None
    start_bar: Bar | None = None
    bars: Bars | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        seconds, bars = (self.start_seconds, self.end_seconds), (self.start_bar, self.bars)
        if (None in seconds) == (None in bars) or (None in seconds and seconds != (None, None)):
            raise ValueError("a section has start_seconds and end_seconds, or start_bar and bars")
        if self.start_seconds is not None and self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise ValueError(f"end_seconds is {self.end_seconds:g}; allowed is more than {self.start_seconds:g}")
        return self


class StemEdit(Plan):
    """The changes to a stem in a section."""

    gain_db: Annotated[float, Field(ge=-60, le=24)] = 0.0
    pan: Annotated[float, Field(ge=-1, le=1)] = 0.0
    mute: bool = False


class Step(Plan):
    """One step of the arrangement: a section, played as often as `repeat` says, or a silence."""

    section: str | None = None
    silence_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)] | None = None
    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    gain_db: Annotated[float, Field(ge=-60, le=24)] = 0.0
    fade_in_seconds: Seconds = 0.0
    fade_out_seconds: Seconds = 0.0
    stems: dict[StemName, StemEdit] = {}

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.section is None) == (self.silence_seconds is None):
            raise ValueError("a step has a section or silence_seconds")
        return self


class ArrangePlan(Plan):
    """An arrangement. Without an order the sound stays as it is, but for its length."""

    bpm: Annotated[float, Field(ge=20, le=400)] | None = None
    beats_per_bar: Annotated[float, Field(gt=0, le=32)] = 4.0
    first_bar_seconds: Seconds = 0.0
    crossfade_ms: Annotated[float, Field(ge=1, le=200)] = 8.0
    sections: dict[str, Span] = {}
    order: Annotated[list[Step], Field(max_length=1000)] = []
    length_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)] | None = None
    ending_seconds: Seconds = 2.0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, span in self.sections.items():
            if span.bars is not None and self.bpm is None:
                raise ValueError(f"the section {name} counts bars; bpm is missing")
        for step in self.order:
            if step.section is not None and step.section not in self.sections:
                allowed = ", ".join(self.sections) or "none, as sections is empty"
                raise ValueError(f"order names the section {step.section!r}; allowed are {allowed}")
        return self

    def seconds_of(self, name: str) -> tuple[float, float]:
        """Return the start and end of a section in the source."""
        span = self.sections[name]
        if span.start_seconds is not None and span.end_seconds is not None:
            return span.start_seconds, span.end_seconds
        bar = self.beats_per_bar * 60 / (self.bpm or 120.0)
        start = self.first_bar_seconds + ((span.start_bar or 1) - 1) * bar
        return start, start + (span.bars or 0) * bar


@dataclass(frozen=True)
class Piece:
    """Source from sample `source` on, heard from sample `start` to `end`, in a step that lasts from `low` to `high`."""

    source: int
    start: int
    end: int
    step: Step
    low: int
    high: int


@dataclass(frozen=True)
class Arrangement:
    """A plan for a source of a certain rate: its pieces in their order and the length of all, in samples."""

    plan: ArrangePlan
    pieces: list[Piece]
    length: int
    sample_rate_hz: int


def plan_arrangement(plan: ArrangePlan, source_length: int, sample_rate_hz: int) -> Arrangement:
    """Return the place of every piece, to the sample: times are added up in seconds and rounded last.

    Raises:
        ValueError: a section reaches beyond the source, or is shorter than two crossfades.
    """
    if not plan.order:
        whole = Piece(0, 0, source_length, Step(section=""), 0, source_length)
        return Arrangement(plan, [whole], source_length, sample_rate_hz)
    pieces, at_seconds = [], 0.0
    for step in plan.order:
        start, end = (0.0, step.silence_seconds or 0.0) if step.section is None else plan.seconds_of(step.section)
        low = round(at_seconds * sample_rate_hz)
        high = round((at_seconds + step.repeat * (end - start)) * sample_rate_hz)
        if step.section is not None:
            _check(plan, step.section, (start, end), source_length / sample_rate_hz)
            for turn in range(step.repeat):
                turns = (at_seconds + (turn + count) * (end - start) for count in (0, 1))
                begins, ends = (round(seconds * sample_rate_hz) for seconds in turns)
                pieces.append(Piece(round(start * sample_rate_hz), begins, ends, step, low, high))
        at_seconds += step.repeat * (end - start)
        if at_seconds > MOST_SECONDS:
            raise ValueError(f"the arrangement lasts over {at_seconds:g} s; allowed are {MOST_SECONDS:g}")
    return Arrangement(plan, pieces, round(at_seconds * sample_rate_hz), sample_rate_hz)


def _check(plan: ArrangePlan, name: str, span: tuple[float, float], source_seconds: float) -> None:
    if span[1] > source_seconds + 0.001:
        raise ValueError(f"the section {name} ends at {span[1]:.3f} s; allowed is up to {source_seconds:.3f} s")
    if span[1] - span[0] < 2 * plan.crossfade_ms / 1000:
        raise ValueError(
            f"the section {name} lasts {span[1] - span[0]:.4f} s; allowed is at least twice the crossfade_ms"
        )


def arrange_stem(stem: Samples, name: StemName, order: Arrangement, work: Work) -> Samples:
    """Return a stem [C, T] in its new order, float32 [2, length].

    At a join the sound before goes on for half a crossfade while the one after it begins half a crossfade early; both
    are weighed to a sum of one, so that sections which follow each other in the source are joined without a trace.
    """
    length, rate = order.length, order.sample_rate_hz
    out = np.zeros((2, length), np.float32)
    half = max(1, round(order.plan.crossfade_ms / 2000 * rate))
    for piece in order.pieces:
        edit = piece.step.stems.get(name, StemEdit())
        if edit.mute:
            work.tick()
            continue
        matrix = stereo_matrix(edit.pan, 1.0) * np.float32(10 ** ((edit.gain_db + piece.step.gain_db) / 20))
        early = half if piece.start > 0 else 0
        late = half if piece.end < length else 0
        for start in range(piece.start - early, piece.end + late, STRETCH):
            at = np.arange(start, min(start + STRETCH, piece.end + late), dtype=np.float64)
            heard = _source(stem, piece.source + start - piece.start, len(at))
            weight = _weight(piece, at, half, stem.shape[1], length) * _fades(piece, at, rate)
            out[:, start : start + len(at)] += (matrix @ heard) * weight.astype(np.float32)
            work.tick()
    return out


def _source(stem: Samples, start: int, count: int) -> Samples:
    """So many samples of the source from a place on, in stereo; silence before its start and after its end."""
    heard = np.zeros((2, count), np.float32)
    first, last = max(0, start), min(stem.shape[1], start + count)
    if last > first:
        heard[:, first - start : last - start] = stem[:, first:last]
    return heard


def _weight(piece: Piece, at: Array, half: int, source_length: int, length: int) -> Array:
    """Return the gain of a piece at each place: up around its start and down around its end."""
    weight = np.ones(len(at))
    if piece.start > 0:
        weight *= _rise((at - piece.start + half) / (2 * half))
    elif piece.source > 0:  # the arrangement begins within the sound
        weight *= _rise((at + 1) / (2 * half))
    if piece.end < length:
        weight *= _rise((piece.end + half - at) / (2 * half))
    elif piece.source + piece.end - piece.start < source_length:
        weight *= _rise((piece.end - at) / (2 * half))
    return weight


def _fades(piece: Piece, at: Array, rate: int) -> Array:
    """Return the fades of the step that a piece belongs to."""
    weight = np.ones(len(at))
    if piece.step.fade_in_seconds:
        weight *= _rise((at - piece.low) / (piece.step.fade_in_seconds * rate))
    if piece.step.fade_out_seconds:
        weight *= _rise((piece.high - at) / (piece.step.fade_out_seconds * rate))
    return weight


def _rise(way: Array) -> Array:
    """From 0 to 1, smooth at both ends; two that run against each other add up to 1."""
    return np.asarray((1 - np.cos(np.pi * np.clip(way, 0, 1))) / 2)


def to_length(sound: Samples, plan: ArrangePlan, sample_rate_hz: int) -> Samples:
    """Return the sound as long as the plan says: cut with a fade, or with silence after it."""
    if plan.length_seconds is None:
        return sound
    length = round(plan.length_seconds * sample_rate_hz)
    if length >= sound.shape[1]:
        return np.pad(sound, ((0, 0), (0, length - sound.shape[1])))
    out = sound[:, :length].copy()
    fade = min(length, round(plan.ending_seconds * sample_rate_hz))
    if fade:
        out[:, -fade:] *= _rise(np.arange(fade, 0, -1, dtype=np.float64) / fade).astype(np.float32)
    return out
