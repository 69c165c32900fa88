"""The pitched voices: each turns a pitch and a length into stereo sound. One table names them all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .dsp import (
    SAMPLE_RATE_HZ,
    TABLE_SIZE,
    Array,
    Shape,
    cycle,
    decay,
    envelope,
    filtered,
    frequency_hz,
    noise,
    phase,
    read_tables,
    samples,
    sine,
)

HEARD = 1.2  # of its time to -60 dB a partial is made; what follows is below -72 dB
CHORUS_PARTIALS = 6  # so many partials differ between the ears

Adsr = tuple[float, float, float, float]


class Voice(Protocol):
    """Sounds of float64 [2, held + release]; `held` in samples; random phases come from `rng`."""

    def sound(self, pitch: int, held: int, rng: np.random.Generator) -> Array: ...


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

    def sound(self, pitch: int, held: int, rng: np.random.Generator) -> Array:
        base = frequency_hz(pitch)
        shape = envelope(held, *self.adsr)
        length = len(shape)
        follow = (base / 261.6) ** self.key_follow
        out = np.zeros((2, length))
        bend: float | Array = 1.0
        if self.vibrato:
            time = np.arange(length) / SAMPLE_RATE_HZ
            bend = 1 + self.vibrato * np.sin(2 * math.pi * 5.4 * time) * np.minimum(1, time * 2.5)
        closing = decay(length, self.sweep * 2) if self.bright_hz else None
        if self.wobble_hz:
            closing = 0.5 - 0.5 * np.cos(2 * math.pi * self.wobble_hz * np.arange(length) / SAMPLE_RATE_HZ + 1)
        for index, cents in enumerate(self.detune):
            own = base * 2 ** (cents / 1200)
            tables = [
                cycle(self.shape, base, cutoff * follow, self.order)
                for cutoff in (self.dark_hz, self.bright_hz)
                if cutoff
            ]
            waves = read_tables(phase(own * bend, length, rng.random()), *tables)
            wave = waves[0] if closing is None else waves[0] + closing * (waves[1] - waves[0])
            side = 0.0 if len(self.detune) == 1 else self.width * (2 * index / (len(self.detune) - 1) - 1)
            out[0] += wave * math.cos((side + 1) * math.pi / 4)
            out[1] += wave * math.sin((side + 1) * math.pi / 4)
        out *= 1.2 / math.sqrt(len(self.detune))
        if self.sub:
            out += self.sub * sine(base, length)
        if self.drive:
            out = np.tanh(out * (1 + self.drive)) / math.tanh(1 + self.drive)
        return out * shape


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

    def sound(self, pitch: int, held: int, rng: np.random.Generator) -> Array:
        base = frequency_hz(pitch)
        shape = envelope(held, *self.adsr)
        length = len(shape)
        ring = self.ring * (261.6 / base) ** 0.4
        out = np.zeros((2, length))
        for number, amplitude in enumerate(self.partials, start=1):
            own = base * number * math.sqrt(1 + self.inharmonicity * number * number)
            if own > 16_000 or not amplitude:
                continue
            seconds = ring / (1 + self.damping * (number - 1))
            heard = min(length, samples(seconds * HEARD))
            fade = amplitude * decay(heard, seconds)
            start = rng.random() * 0.02
            left = fade * sine(own, heard, start)
            right = left
            if self.chorus_cents and number <= CHORUS_PARTIALS:
                right = fade * sine(own * 2 ** (self.chorus_cents / 1200), heard, start)
            out[0, :heard] += left
            out[1, :heard] += right
        if self.strike:
            size = min(length, samples(0.03))
            out[:, :size] += self.strike * noise(rng, size, base * 2, 6000) * decay(size, 0.03)
        return out * shape


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

    def sound(self, pitch: int, held: int, _rng: np.random.Generator) -> Array:
        base = frequency_hz(pitch)
        shape = envelope(held, *self.adsr)
        length = len(shape)
        softer = min(1.0, (523.0 / base) ** 0.5)
        depth = self.index * softer * (0.15 + 0.85 * decay(length, self.index_decay))
        modulator = depth * sine(base * self.ratio, length)  # in phase: at a ratio of 1 else with a DC offset
        wave = np.sin(2 * math.pi * phase(base, length) + modulator) * decay(length, self.ring)
        if self.tine and base * 12 < 16_000:
            wave += self.tine * sine(base * 12, length) * decay(length, 0.25)
        sway = self.tremolo * np.sin(2 * math.pi * 4.2 * np.arange(length) / SAMPLE_RATE_HZ)
        return np.stack([wave * (1 + sway), wave * (1 - sway)]) * shape


def _sub808(pitch: int, held: int, _rng: np.random.Generator) -> Array:
    shape = envelope(held, 0.004, 1.2, 0.55, 0.12)
    base = frequency_hz(pitch)
    drop = base * (1 + 1.2 * np.exp(-np.arange(len(shape)) / samples(0.018)))
    wave = np.tanh(2.2 * sine(drop, len(shape))) / math.tanh(2.2)
    return np.stack([wave, wave]) * shape


def _flute(pitch: int, held: int, rng: np.random.Generator) -> Array:
    shape = envelope(held, 0.06, 0.3, 0.85, 0.14)
    length = len(shape)
    base = frequency_hz(pitch)
    time = np.arange(length) / SAMPLE_RATE_HZ
    cycles = phase(base * (1 + 0.004 * np.sin(2 * math.pi * 5.0 * time) * np.minimum(1, time * 3)), length)
    tone = sum(
        level * np.sin(2 * math.pi * number * cycles) for number, level in ((1, 1.0), (2, 0.32), (3, 0.12), (4, 0.04))
    )
    breath = 0.05 * noise(rng, length, base * 0.9, base * 4)
    return np.stack([tone + breath, tone - breath]) * shape


def _distorted(pitch: int, held: int, rng: np.random.Generator, *, vibrato: float) -> Array:
    string = Subtractive("saw", (0.003, 0.8, 0.7, 0.09), (-4, 5), 2600, 6000, 0.25, vibrato=vibrato, width=1.0)
    raw = string.sound(pitch, held, rng)
    driven = np.tanh(4.5 * raw + 0.25) - math.tanh(0.25)  # a little lopsided, as a valve
    cabinet = filtered(driven, 90, 4300, 3)
    tail = samples(0.01)
    cabinet[:, -tail:] *= np.linspace(1, 0, tail)
    return cabinet * 0.6


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

    def sound(self, pitch: int, held: int, rng: np.random.Generator) -> Array:
        base = frequency_hz(pitch)
        shape = envelope(held, *self.adsr)
        length = len(shape)
        table = self._table(base)
        time = np.arange(length) / SAMPLE_RATE_HZ
        sway = 1 + self.vibrato * np.sin(2 * math.pi * 5.2 * time) * np.clip((time - 0.18) * 4, 0, 1)
        dark = _soft_cycle(table)
        sides = []
        for side in (-1, 1):
            own = base * 2 ** (side * self.players_cents / 2400)
            bright, dull = read_tables(phase(own * sway, length, rng.random() * 0.1), table, dark)
            sides.append(dull + shape**1.5 * (bright - dull))
        air = self.breath * noise(rng, length, base, min(16_000.0, base * 8))
        out: Array = (np.stack(sides) + air) * shape
        return out

    def _table(self, base: float) -> Array:
        count = max(1, min(self.harmonics, int(15_000 / base)))
        k = np.arange(1, count + 1, dtype=np.float64)
        levels = k**-self.slope * (1 + self.body * np.exp(-(np.log2(k * base / self.body_hz) ** 2)))
        levels[1::2] *= self.odd
        spectrum = np.zeros(TABLE_SIZE // 2 + 1, np.complex128)
        spectrum[1 : count + 1] = -0.5j * TABLE_SIZE * levels / np.sqrt((levels**2).sum())
        wave = np.fft.irfft(spectrum, TABLE_SIZE)
        return np.append(wave, wave[0])


def _soft_cycle(table: Array) -> Array:
    spectrum = np.fft.rfft(table[:-1])
    spectrum *= np.arange(1, len(spectrum) + 1) ** -0.7
    wave = np.fft.irfft(spectrum, TABLE_SIZE)
    return np.append(wave, wave[0])


@dataclass(frozen=True)
class Function:
    """A voice of its own kind."""

    make: Callable[[int, int, np.random.Generator], Array]

    def sound(self, pitch: int, held: int, rng: np.random.Generator) -> Array:
        return self.make(pitch, held, rng)


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
    "sub808": Function(_sub808),
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
    "power": Function(lambda pitch, held, rng: _distorted(pitch, held, rng, vibrato=0.0)),
    # leads
    "square_lead": Subtractive("square", (0.008, 0.3, 0.65, 0.16), (-5, 5), 1800, 4500, 0.25, vibrato=0.004, width=0.5),
    "saw_lead": Subtractive("saw", (0.01, 0.4, 0.75, 0.2), (-8, 0, 8), 2400, 5500, 0.35, vibrato=0.004, width=0.6),
    "pluck": Subtractive("saw", (0.002, 0.12, 0.12, 0.18), (-6, 6), 600, 6500, 0.12, order=3),
    "bell": FrequencyModulation(3.5, 1.5, 0.9, 2.6, (0.002, 1.2, 0.8, 0.6), tremolo=0.1),
    "flute": Function(_flute),
    "horn": Blown(16, 1.25, (0.08, 0.4, 0.85, 0.25), 600, 1.4, vibrato=0.002, players_cents=5),
    "violin": Blown(28, 0.95, (0.07, 0.3, 0.9, 0.2), 2600, 1.0, vibrato=0.006, breath=0.012, players_cents=7),
    "trumpet": Blown(22, 0.9, (0.025, 0.2, 0.85, 0.08), 1500, 1.6, vibrato=0.004, breath=0.015),
    "melodica": Blown(18, 0.8, (0.03, 0.2, 0.9, 0.07), 1100, 0.5, odd=0.45, vibrato=0.003, breath=0.03),
    "accordion": Blown(24, 0.75, (0.035, 0.2, 0.95, 0.08), 1400, 0.6, odd=0.8, vibrato=0.0, players_cents=14),
    "lead_guitar": Function(lambda pitch, held, rng: _distorted(pitch, held, rng, vibrato=0.005)),
}
