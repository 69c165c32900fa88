"""A song as stems and their mix, piece after piece: nothing as long as the song is held.

The stems are as they sound in the mix: added up they are the mix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..studio.mastering import Mastering
from .balance import gain_for, guess_lufs
from .beds import Bed
from .channel import Channel
from .dsp import SAMPLE_RATE_HZ, Samples, samples, ticks
from .loudness import PartMeter
from .render import Tick, length_samples, start_sample
from .song import PARTS, Part, Song
from .treatment import apply_treatments

TARGET_LUFS = -14.0
CEILING_DBTP = -1.0
FADE_SECONDS, FADE_SHARE = 2.0, 0.1
FIRST_SECONDS, MOST_SECONDS = 1.6, 8.0  # of a piece
PHRASE_BARS = 4

Stems = dict[Part, Samples]


class Rendering:
    """The parts of a song, as they are before they are balanced: `pieces`, then `measured_gains`."""

    def __init__(self, song: Song) -> None:
        self.song, self.levels = song, apply_treatments(song.brief)
        self.length = length_samples(song)
        playing = [part for part in PARTS if any(track.notes for track in song.tracks if track.part == part)]
        self._channels = {part: Channel(song, part, self.levels) for part in playing}
        self._meters = {part: PartMeter(self.length) for part in playing}

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return the parts that play."""
        return tuple(self._channels)

    @property
    def loudness_lufs(self) -> float:
        """About what the balanced parts sound like together."""
        return 10 * math.log10(sum(10 ** (self.levels.of(part) / 10) for part in self.parts or PARTS))

    def guess_gains(self) -> dict[Part, float]:
        """Return the approximate gains that balance the parts, before they are rendered."""
        return {
            part: gain_for(self.levels.of(part), guess_lufs(self.song, part, self.levels, channel.tracks))
            for part, channel in self._channels.items()
        }

    def measure_gains(self) -> dict[Part, float]:
        """Return the gains that balance the parts, once all pieces are rendered."""
        return {part: gain_for(self.levels.of(part), meter.loudness_lufs()) for part, meter in self._meters.items()}

    def pieces(self, spans: Sequence[tuple[int, int]], tick: Tick) -> Iterator[Stems]:
        """Yield the sound of each span, float32 [2, n] per part. The spans follow each other from 0 on.

        `tick` is called at least every 100 ms of work and may raise to stop it.
        """
        for start, stop in spans:
            stems: Stems = {}
            for part, channel in self._channels.items():
                stems[part] = channel.play(stop - start, tick)
                self._meters[part].add(stems[part])
                tick()
            yield stems


def phrases(song: Song) -> list[tuple[int, int]]:
    """From which sample to which each piece goes: phrases, and the first of them a bar at most."""
    length, bar = length_samples(song), song.beats_per_bar
    bars_at_once = max(1, min(PHRASE_BARS, int(MOST_SECONDS * song.brief.bpm / 60 / bar)))
    borders = {0, length}
    for section in song.sections:
        borders |= {start_sample(song, (section.start_bar + at) * bar) for at in range(0, section.bars, bars_at_once)}
    borders.add(min(start_sample(song, bar), samples(FIRST_SECONDS)))
    places = sorted(border for border in borders if border <= length)
    places = [place for place in places if place in {0, length} or 0.5 * SAMPLE_RATE_HZ < place < length - 4800]
    parted = [places[0]]
    for place in places[1:]:
        count = math.ceil((place - parted[-1]) / samples(MOST_SECONDS * 1.25))
        first = parted[-1]
        parted += [first + (place - first) * number // count for number in range(1, count + 1)]
    return list(pairwise(parted))


class Desk:
    """Balances what was rendered: gains, the sounds under the music, and the fades at both ends."""

    def __init__(self, song: Song, gains: dict[Part, float]) -> None:
        self._length, self._gains = length_samples(song), gains
        levels = apply_treatments(song.brief)
        third = self._length // 3
        self._fade_in = min(third, samples(levels.fade_in_seconds))
        end = max(min(samples(FADE_SECONDS), round(self._length * FADE_SHARE)), samples(levels.fade_out_seconds))
        self._fade_out = max(1, min(end, third))
        self._beds = [Bed(bed, song.brief.seed) for bed in levels.beds]
        self._bed_part: Part = "drums" if "drums" in gains or not gains else next(iter(gains))

    def balance(self, stems: Stems, at: int, length: int) -> tuple[Samples, Stems]:
        """Return the mix of the given number of samples from sample `at` on, and all four stems."""
        fade = self._fade(at, at + length)
        out: Stems = {}
        for part in PARTS:
            out[part] = (
                stems[part] * np.float32(self._gains[part]) if part in stems else np.zeros((2, length), np.float32)
            )
        for bed in self._beds:
            out[self._bed_part] += bed.play(at, at + length)
        mix = np.zeros((2, length), np.float32)
        for part in PARTS:
            if fade is not None:
                out[part] *= fade
            mix += out[part]
        return mix, out

    def _fade(self, start: int, stop: int) -> Samples | None:
        if start >= self._fade_in and stop <= self._length - self._fade_out:
            return None
        at = ticks(0, stop - start) + np.float32(0.5)
        share = (np.float32(self._length - start) - at) / np.float32(self._fade_out)
        if start < self._fade_in:
            share = np.minimum(share, (at + np.float32(start)) / np.float32(self._fade_in))
        return np.asarray(np.sin(np.clip(share, 0, 1) * np.float32(math.pi / 2)) ** 2)


@dataclass(frozen=True)
class Mixdown:
    """The mastered mix and its stems, float32 [2, T] each, at `SAMPLE_RATE_HZ`."""

    mix: Samples
    stems: Stems


def mixdown(song: Song, tick: Tick, reached: Callable[[float], None] = lambda _share: None) -> Mixdown:
    """Render, mix and master a song, held as a whole.

    `tick` is called at least every 100 ms of work and may raise to stop it; `reached` says which share is done.
    """
    rendering = Rendering(song)
    stems = {part: np.zeros((2, rendering.length), np.float32) for part in PARTS}
    spans = phrases(song)
    for (start, stop), raw in zip(spans, rendering.pieces(spans, tick), strict=True):
        for part, sound in raw.items():
            stems[part][:, start:stop] = sound
        reached(0.8 * stop / rendering.length)
    desk = Desk(song, rendering.measure_gains())
    playing = rendering.parts
    mastering = Mastering(loudness_lufs=TARGET_LUFS, ceiling_dbtp=CEILING_DBTP, sample_rate_hz=SAMPLE_RATE_HZ)
    mix = np.empty_like(stems["drums"])
    for start, stop in spans:
        raw = {part: stems[part][:, start:stop] for part in playing}
        mix[:, start:stop], balanced = desk.balance(raw, start, stop - start)
        for part in PARTS:
            stems[part][:, start:stop] = balanced[part]
        mastering.add(mix[:, start:stop])
        tick()
    mastering.solve(tick)
    for start, stop in spans:
        for sound in (mix, *stems.values()):
            sound[:, start:stop] = mastering.apply(sound[:, start:stop], start)
        tick()
    reached(1.0)
    return Mixdown(mix, stems)
