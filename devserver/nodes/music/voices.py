"""The pitched voices: each turns a pitch into the sound of a note that is held, any stretch of it on its own.

A note's sound does not depend on how long it is held, so a note that comes again is made once, and only as far as it is
heard; a release fades it out. One table names all voices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np

from .dsp import (
    SAMPLE_RATE_HZ,
    Array,
    Samples,
    Shape,
    cycle,
    exponential_decay,
    filter_band,
    frequency_hz,
    harmonics,
    hiss,
    loop_slice,
    noise_loop,
    onset,
    phase_of,
    radians,
    read_tables,
    release_curve,
    samples,
    ticks,
    vibrato,
)

HEARD = 1.2  # of its time to -60 dB a partial is made; what follows is below -72 dB
CHORUS_PARTIALS = 6  # so many partials differ between the ears
STRIDE = 128  # samples that a column of partials is long
ROWS = 32  # so few at once that no product is large enough to be shared among threads, which would take longer
CABINET_MARGIN = 2048  # samples before and after a stretch that its filter reaches

Adsr = tuple[float, float, float, float]  # attack, decay, sustain (a share), release


class Voice(Protocol):
    """The float32 [1 or 2, stop - start] of a held note; the same `rng` state gives the same note in every stretch."""

    @property
    def release(self) -> float:
        """Return how many seconds a note fades after it ends."""

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples: ...


def sound(voice: Voice, pitch: int, held: int, rng: np.random.Generator) -> Samples:
    """Return a whole note, held for so many samples and released: float32 [1 or 2, held + release]."""
    tail = release_curve(voice.release)
    out = np.array(voice.held(pitch, 0, held + len(tail), rng))
    out[:, held:] *= tail
    return out


@dataclass(frozen=True)
class Subtractive:
    """Detuned oscillators through a low-pass that an envelope opens. Cutoffs in Hz, detune in cents."""

    shape: Shape
    adsr: Adsr
    detune: tuple[float, ...] = (0.0,)
    dark_hz: float = 1200.0
    bright_hz: float = 0.0  # where the filter opens to; 0 leaves it still
    sweep: float = 0.2  # seconds in which it closes again
    key_follow: float = 0.4
    order: int = 2
    width: float = 0.8
    sub: float = 0.0
    drive: float = 0.0
    vibrato: float = 0.0
    wobble_hz: float = 0.0  # the filter opens and closes so often a second

    @property
    def release(self) -> float:
        return self.adsr[3]

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
        base = frequency_hz(pitch)
        late = vibrato(start, stop, 5.4, 0.0, 0.4) * np.float32(self.vibrato) if self.vibrato else None
        opening = self._opening(start, stop)
        follow = (base / 261.6) ** self.key_follow
        cutoffs = (self.dark_hz, self.bright_hz) if opening is not None else (self.dark_hz,)
        tables = [cycle(self.shape, base, cutoff * follow, self.order) for cutoff in cutoffs]
        sides = self._sides()
        out = np.zeros((len(sides), stop - start), np.float32)
        for index, cents in enumerate(self.detune):
            own = base * 2 ** (cents / 1200)
            at_zero = rng.random() if len(self.detune) > 1 else 0.0  # in phase with the sub, or they might cancel
            waves = read_tables(phase_of(own, start, stop, at_zero, late), *tables)
            wave = waves[0]
            if opening is not None:
                waves[1] -= wave
                waves[1] *= opening
                wave += waves[1]
            for side, share in enumerate(sides[:, index]):
                out[side] += share * wave
        if self.sub:
            out += np.float32(self.sub) * np.sin(radians(phase_of(base, start, stop)))
        if self.drive:
            out *= np.float32(1 + self.drive)
            np.tanh(out, out=out)
            out *= np.float32(1 / math.tanh(1 + self.drive))
        out *= onset(start, stop, *self.adsr[:3])
        return out

    def _opening(self, start: int, stop: int) -> Samples | None:
        """Return how far the filter is open, 0 to 1; None if it does not move."""
        if self.wobble_hz and self.bright_hz:
            angle = ticks(start, stop) * np.float32(2 * math.pi * self.wobble_hz / SAMPLE_RATE_HZ)
            return np.asarray(np.float32(0.5) - np.float32(0.5) * np.cos(angle + np.float32(1)))
        return exponential_decay(start, stop, self.sweep * 2) if self.bright_hz else None

    def _sides(self) -> Array:
        """Return each oscillator's gain per side: [2, oscillators], or [1, 1] for a single one in the middle."""
        count = len(self.detune)
        if count == 1:
            return np.full((1, 1), 1.2 * math.cos(math.pi / 4), np.float32)
        angle = (self.width * np.linspace(-1, 1, count) + 1) * math.pi / 4
        return (np.stack([np.cos(angle), np.sin(angle)]) * (1.2 / math.sqrt(count))).astype(np.float32)


@dataclass(frozen=True)
class Additive:
    """Partials that fade the faster the higher they are, as on a struck or plucked string. Times in seconds."""

    partials: tuple[float, ...]
    ring: float  # of the fundamental at middle C, to -60 dB
    adsr: Adsr
    damping: float = 0.5  # how much faster each further partial fades
    inharmonicity: float = 0.0
    chorus_cents: float = 0.0
    strike: float = 0.0  # noise of the hammer or pick

    @property
    def release(self) -> float:
        return self.adsr[3]

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
        base = frequency_hz(pitch)
        rows = [self._row(base, start, stop, rng, 0.0)]
        if self.chorus_cents:
            rows.append(self._row(base, start, stop, rng, self.chorus_cents))
        out = np.stack(rows)
        size = samples(0.03)
        if self.strike and start < size:
            end = min(stop, size)
            knock = filter_band(hiss(rng, size), base * 2, 6000)[start:end] * exponential_decay(start, end, 0.03)
            out[:, : end - start] += np.float32(self.strike) * knock
        out *= onset(start, stop, *self.adsr[:3])
        return out

    def _row(self, base: float, start: int, stop: int, rng: np.random.Generator, cents: float) -> Samples:
        """One ear's sum of fading sines: powers of complex numbers, which products of small matrices make."""
        number = np.arange(1, len(self.partials) + 1)
        phases = rng.random(len(number)) * 0.02
        own = base * number * np.sqrt(1 + self.inharmonicity * number * number)
        seconds = self.ring * (261.6 / base) ** 0.4 / (1 + self.damping * (number - 1))
        amplitudes = np.array(self.partials) * (own <= 16_000) * (seconds * (HEARD * SAMPLE_RATE_HZ) > start)
        own = own * np.where(number <= CHORUS_PARTIALS, 2 ** (cents / 1200), 1.0)
        power = -6.908 / (seconds * SAMPLE_RATE_HZ) + 2j * math.pi * own / SAMPLE_RATE_HZ
        sounding = amplitudes > 0
        if not sounding.any():
            return np.zeros(stop - start, np.float32)
        power, amplitudes, phases = power[sounding], amplitudes[sounding], phases[sounding]
        firsts = np.arange(start, stop, STRIDE)[:, np.newaxis]
        coarse = amplitudes * np.exp(firsts * power + 2j * math.pi * phases)
        fine = np.exp(np.arange(STRIDE)[:, np.newaxis] * power)
        left = np.concatenate([coarse.imag, coarse.real], axis=1).astype(np.float32)
        right = np.concatenate([fine.real, fine.imag], axis=1).astype(np.float32)
        row = np.empty((len(left), STRIDE), np.float32)
        for first in range(0, len(left), ROWS):
            np.matmul(left[first : first + ROWS], right.T, out=row[first : first + ROWS])
        return row.reshape(-1)[: stop - start]


@dataclass(frozen=True)
class FrequencyModulation:
    """Two-operator FM: an electric piano, a bell."""

    ratio: float
    index: float
    index_decay: float
    ring: float
    adsr: Adsr
    tine: float = 0.0  # a short, high partial at the start
    tremolo: float = 0.0

    @property
    def release(self) -> float:
        return self.adsr[3]

    def held(self, pitch: int, start: int, stop: int, _rng: np.random.Generator) -> Samples:
        base = frequency_hz(pitch)
        softer = min(1.0, (523.0 / base) ** 0.5)
        depth = self.index * softer * (0.15 + 0.85 * exponential_decay(start, stop, self.index_decay))
        modulator = np.sin(radians(phase_of(base * self.ratio, start, stop)))  # in phase: at a ratio of 1 else with DC
        wave = np.sin(radians(phase_of(base, start, stop)) + depth.astype(np.float32) * modulator)
        wave *= exponential_decay(start, stop, self.ring)
        if self.tine and base * 12 < 16_000 and start < SAMPLE_RATE_HZ // 2:
            tine = np.sin(radians(phase_of(base * 12, start, stop))) * exponential_decay(start, stop, 0.25)
            wave += np.float32(self.tine) * tine
        wave *= onset(start, stop, *self.adsr[:3])
        sway = np.float32(self.tremolo) * np.sin(ticks(start, stop) * np.float32(2 * math.pi * 4.2 / SAMPLE_RATE_HZ))
        return np.stack([wave + wave * sway, wave - wave * sway])


@dataclass(frozen=True)
class Blown:
    """Harmonics that brighten as the note is blown or bowed, shaped by a body's resonance, with vibrato late."""

    harmonics: int
    slope: float  # how fast the harmonics weaken, as a power of their number
    adsr: Adsr
    body_hz: float = 1200.0
    body: float = 1.0  # how much stronger what lies near `body_hz` sounds
    odd: float = 1.0  # level of the even harmonics; a reed has few
    vibrato: float = 0.004
    breath: float = 0.02
    players_cents: float = 0.0  # a second player, so much apart

    @property
    def release(self) -> float:
        return self.adsr[3]

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
        base = frequency_hz(pitch)
        shape = onset(start, stop, *self.adsr[:3])
        bright, dull = _blown_tables(self, base)
        late = vibrato(start, stop, 5.2, 0.18, 0.25) * np.float32(self.vibrato)
        opening = shape * np.sqrt(shape)
        out = np.empty((2, stop - start), np.float32)
        for side, sign in enumerate((-1, 1)):
            own = base * 2 ** (sign * self.players_cents / 2400)
            more, out[side] = read_tables(phase_of(own, start, stop, rng.random() * 0.1, late), bright, dull)
            more -= out[side]
            more *= opening
            out[side] += more
        out += np.float32(self.breath) * _breath(base, min(16_000.0, base * 8), start, stop, rng)
        out *= shape
        return out


@lru_cache(maxsize=64)
def _blown_tables(voice: Blown, base: float) -> tuple[Samples, Samples]:
    """Return a cycle as bright as it gets, and one as dull."""
    count = max(1, min(voice.harmonics, int(15_000 / base)))
    k = np.arange(1, count + 1, dtype=np.float64)
    levels = k**-voice.slope * (1 + voice.body * np.exp(-(np.log2(k * base / voice.body_hz) ** 2)))
    levels[1::2] *= voice.odd
    levels /= np.sqrt((levels**2).sum())
    return harmonics(levels), harmonics(levels * (k + 1) ** -0.7)


def _breath(low_hz: float, high_hz: float, start: int, stop: int, rng: np.random.Generator) -> Samples:
    first = int(rng.integers(1 << 16))
    return loop_slice(noise_loop(low_hz, high_hz), first + start, first + stop)


@dataclass(frozen=True)
class Driven:
    """A string through an overdriven amplifier and its cabinet."""

    vibrato: float = 0.0
    release: float = 0.09
    string: Subtractive = field(init=False)

    def __post_init__(self) -> None:
        adsr = (0.003, 0.8, 0.7, self.release)
        made = Subtractive("saw", adsr, (-4, 5), 2600, 6000, 0.25, vibrato=self.vibrato, width=1.0)
        object.__setattr__(self, "string", made)

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
        before = min(start, CABINET_MARGIN)
        raw = self.string.held(pitch, start - before, stop + CABINET_MARGIN, rng)
        driven = np.tanh(4.5 * raw + np.float32(0.25)) - np.float32(math.tanh(0.25))  # a little lopsided, as a valve
        cabinet = filter_band(driven, 90, 4300, 3)[:, before : before + stop - start]
        if start == 0:
            rise = min(stop, samples(0.001))
            cabinet[:, :rise] *= np.linspace(0, 1, rise, dtype=np.float32)  # what its filter rings before the start
        return cabinet * np.float32(0.6)


@dataclass(frozen=True)
class Function:
    """A voice of its own kind."""

    make: Callable[[int, int, int, np.random.Generator], Samples]
    release: float

    def held(self, pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
        return self.make(pitch, start, stop, rng)


def _sub808(pitch: int, start: int, stop: int, _rng: np.random.Generator) -> Samples:
    """Return a sine that falls into its pitch, driven."""
    fall = samples(0.018)
    late = np.float32(1.2 * fall) * (1 - np.exp(ticks(start, stop) * np.float32(-1 / fall)))
    wave = np.sin(radians(phase_of(frequency_hz(pitch), start, stop, late=late)))
    wave = np.tanh(np.float32(2.2) * wave) * np.float32(1 / math.tanh(2.2))
    wave *= onset(start, stop, 0.004, 1.2, 0.55)
    return wave[np.newaxis]


FLUTE = harmonics(np.array([1.0, 0.32, 0.12, 0.04]))


def _flute(pitch: int, start: int, stop: int, rng: np.random.Generator) -> Samples:
    base = frequency_hz(pitch)
    late = vibrato(start, stop, 5.0, 0.0, 0.33) * np.float32(0.004)
    (tone,) = read_tables(phase_of(base, start, stop, late=late), FLUTE)
    breath = np.float32(0.05) * _breath(base * 0.9, base * 4, start, stop, rng)
    return np.stack([tone + breath, tone - breath]) * onset(start, stop, 0.06, 0.3, 0.85)


def _falling(count: int, power: float) -> tuple[float, ...]:
    return tuple(1 / number**power for number in range(1, count + 1))


PIANO_PARTIALS = (1.0, 0.55, 0.32, 0.2, 0.14, 0.09, 0.05, 0.05, 0.03, 0.02)

VOICES: dict[str, Voice] = {
    # basses
    "reese": Subtractive(
        "saw", (0.006, 0.3, 0.85, 0.1), (-13, 0, 12), 600, 1900, sub=0.7, drive=0.5, width=0.4, wobble_hz=1.4
    ),
    "acid": Subtractive("saw", (0.003, 0.25, 0.5, 0.05), (0,), 500, 4200, 0.16, order=4, sub=0.25, drive=0.8),
    "round_bass": Subtractive("square", (0.004, 0.3, 0.7, 0.07), (0,), 350, 1600, 0.12, sub=0.6),
    "saw_bass": Subtractive("saw", (0.003, 0.2, 0.6, 0.06), (-7, 7), 700, 3000, 0.14, sub=0.5, width=0.3),
    "sub": Subtractive("triangle", (0.08, 0.5, 0.9, 0.4), (0,), 400, sub=0.5),
    "sub808": Function(_sub808, 0.12),
    "finger_bass": Additive(_falling(9, 1.25), 2.6, (0.005, 0.5, 0.8, 0.09), 0.7, strike=0.06),
    "pick_bass": Additive(_falling(26, 0.9), 2.8, (0.003, 0.5, 0.8, 0.07), 0.5, strike=0.15),
    "dub_bass": Subtractive("triangle", (0.012, 0.4, 0.8, 0.12), (0,), 700, sub=0.4, drive=0.7),
    "upright": Additive(_falling(12, 1.5), 1.5, (0.008, 0.5, 0.75, 0.12), 0.9, 0.0002, strike=0.1),
    "low_strings": Blown(24, 1.1, (0.09, 0.4, 0.85, 0.3), 500, 0.8, vibrato=0.002, players_cents=9),
    # chords
    "pad": Subtractive("saw", (0.3, 0.5, 0.85, 0.7), (-9, 3, -3, 8), 1300, key_follow=0.5),
    "strings": Subtractive("saw", (0.12, 0.4, 0.85, 0.45), (-8, 6, -2, 9), 2600, 3600, 0.8, vibrato=0.0025),
    "supersaw": Subtractive("saw", (0.008, 0.4, 0.7, 0.2), (-14, 5, -5, 12), 2600, 7000, 0.3),
    "stab": Subtractive("saw", (0.003, 0.14, 0.25, 0.16), (-10, 9), 700, 5200, 0.14, order=3),
    "organ": Additive((1, 0.7, 0.5, 0.35, 0, 0.2, 0, 0.18), 60.0, (0.006, 0.2, 0.8, 0.06), 0.0, chorus_cents=4),
    "epiano": FrequencyModulation(1.0, 1.7, 1.6, 5.0, (0.003, 0.8, 0.85, 0.25), tine=0.12, tremolo=0.18),
    "piano": Additive(PIANO_PARTIALS, 5.0, (0.002, 1.0, 0.9, 0.22), 0.45, 0.0004, 2.0, 0.05),
    "guitar": Additive(_falling(16, 1.0), 2.4, (0.002, 1.0, 0.95, 0.15), 0.55, 0.0001, 1.5, 0.12),
    "nylon": Additive(_falling(12, 1.35), 1.9, (0.002, 1.0, 0.95, 0.18), 0.7, 0.00005, 1.0, 0.07),
    "harp": Additive(_falling(10, 1.5), 3.2, (0.002, 1.0, 1.0, 0.6), 0.8, strike=0.04),
    "pizzicato": Additive(_falling(14, 1.2), 0.55, (0.003, 0.3, 0.8, 0.12), 0.9, strike=0.12),
    "chop": Additive(_falling(18, 0.8), 0.7, (0.002, 0.1, 0.6, 0.06), 0.3, 0.0001, 2.0, 0.15),
    "choir": Blown(20, 1.3, (0.25, 0.5, 0.9, 0.6), 850, 2.2, vibrato=0.004, breath=0.05, players_cents=16),
    "brass": Blown(26, 0.85, (0.05, 0.3, 0.8, 0.16), 1300, 1.2, vibrato=0.002, players_cents=8),
    "power": Driven(),
    # leads
    "square_lead": Subtractive("square", (0.008, 0.3, 0.65, 0.16), (-5, 5), 1800, 4500, 0.25, vibrato=0.004, width=0.5),
    "saw_lead": Subtractive("saw", (0.01, 0.4, 0.75, 0.2), (-8, 0, 8), 2400, 5500, 0.35, vibrato=0.004, width=0.6),
    "pluck": Subtractive("saw", (0.002, 0.12, 0.12, 0.18), (-6, 6), 600, 6500, 0.12, order=3),
    "bell": FrequencyModulation(3.5, 1.5, 0.9, 2.6, (0.002, 1.2, 0.8, 0.6), tremolo=0.1),
    "flute": Function(_flute, 0.14),
    "horn": Blown(16, 1.25, (0.08, 0.4, 0.85, 0.25), 600, 1.4, vibrato=0.002, players_cents=5),
    "violin": Blown(28, 0.95, (0.07, 0.3, 0.9, 0.2), 2600, 1.0, vibrato=0.006, breath=0.012, players_cents=7),
    "trumpet": Blown(22, 0.9, (0.025, 0.2, 0.85, 0.08), 1500, 1.6, vibrato=0.004, breath=0.015),
    "melodica": Blown(18, 0.8, (0.03, 0.2, 0.9, 0.07), 1100, 0.5, odd=0.45, vibrato=0.003, breath=0.03),
    "accordion": Blown(24, 0.75, (0.035, 0.2, 0.95, 0.08), 1400, 0.6, odd=0.8, vibrato=0.0, players_cents=14),
    "lead_guitar": Driven(vibrato=0.005),
}
