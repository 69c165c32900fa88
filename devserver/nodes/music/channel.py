"""A part's effects before the mix: sweeps, echo, saturation, ducking, reverb, tone and width.

All of it works stretch after stretch and carries its state over, so the stretches' lengths do not matter.
"""

from __future__ import annotations

import math

import numpy as np

from .dsp import (
    SAMPLE_RATE_HZ,
    Samples,
    decay,
    fast_length,
    from_spectrum,
    noise,
    ramp,
    response,
    samples,
    spectrum,
    ticks,
)
from .genre import Levels
from .render import Drums, Kept, PartPlayer, Pitched, Tick, length_samples, start_sample
from .song import Part, Song, Sweep

KICK = 36
DUCK_SECONDS, DUCK_ATTACK_SECONDS = 0.18, 0.004
DUCKED: dict[Part, float] = {"bass": 1.0, "chords": 0.8, "lead": 0.25}
SENT: dict[Part, float] = {"chords": 0.8, "lead": 1.0}
ECHOES = (1, 2, 3)
SWEEP_FRAME = 4096
SWEEP_MARGIN = SWEEP_FRAME // 2  # a zero-phase filter also rings before a sound
SWEEP_REACH = SWEEP_FRAME + SWEEP_MARGIN
SWEEP_EDGE_SECONDS = 0.01
TILT_HZ = 4000.0
TILT_TAPS = 128
CRUSH_HOLD = 3  # samples
MOST_DRIVE = 5.0


class Channel:
    """One part on its way to the mix, not yet balanced against the others."""

    def __init__(self, song: Song, part: Part, levels: Levels) -> None:
        kept = Kept()
        self.part = part
        self._player = PartPlayer(song, part, kept)
        self._levels, self._length = levels, length_samples(song)
        self._dry = DryStretch(self._player, self._length, [s for s in song.sweeps if s.part == part], song)
        self._echo = Echo(start_sample(song, 0.75), levels.echo) if part == "lead" and levels.echo else None
        self._crush = Crush(levels.crush_bits) if levels.crush_bits else None
        self._duck = Duck(song, levels.duck * DUCKED[part]) if part in DUCKED and levels.duck else None
        self._room = Convolution(_room(levels, SENT[part], song.brief.seed)) if part in SENT and levels.reverb else None
        self._tilt = Convolution(_tilt(levels.tilt_db)) if levels.tilt_db else None
        self._at = 0

    @property
    def tracks(self) -> list[Pitched | Drums]:
        return self._player.tracks

    def play(self, length: int, tick: Tick) -> Samples:
        """Return the next so many samples, float32 [2, length]; `tick` is called at least every 100 ms of work."""
        out = self._dry.play(length, tick)
        tick()
        if self._echo:
            out = self._echo.add(out)
        if self._levels.drive:
            more = np.float32(1 + (MOST_DRIVE - 1) * self._levels.drive)
            out = np.tanh(out * more) / more
        if self._crush:
            out = self._crush.coarsen(out, self._at)
        if self._duck:
            self._duck.push(out, self._at)
        tick()
        if self._room:
            out += self._room.convolve(out.mean(axis=0, keepdims=True), tick)
        if self._tilt:
            out = self._tilt.convolve(out, tick)
        if self._levels.width != 1 and self.part != "bass":
            side = (out[0] - out[1]) * np.float32((self._levels.width - 1) / 2)
            out[0] += side
            out[1] -= side
        self._at += length
        tick()
        return out


class DryStretch:
    """A part's dry sound, with its sweeps; these need to know a little of what comes and what was."""

    def __init__(self, player: PartPlayer, length: int, sweeps: list[Sweep], song: Song) -> None:
        self._player, self._length = player, length
        self._regions = [
            (start_sample(song, s.start_beats), min(length, start_sample(song, s.end_beats)), s) for s in sweeps
        ]
        self._reach = SWEEP_REACH if sweeps else 0
        self._known = np.zeros((2, self._reach), np.float32)  # from `_at` - reach on
        self._at = 0

    def play(self, length: int, tick: Tick) -> Samples:
        wanted = self._reach + length + self._reach - self._known.shape[1]
        fresh = self._player.play(wanted, tick)
        if not self._reach:
            return fresh
        known = np.concatenate([self._known, fresh], axis=1)
        out = known[:, self._reach : self._reach + length].copy()
        stop = self._at + length
        for start, end, sweep in self._regions:
            if start < stop and end > self._at and end > start:
                self._sweep(out, known, (start, end), sweep)
                tick()
        self._known = known[:, length:].copy()
        self._at = stop
        return out

    def _sweep(self, out: Samples, known: Samples, region: tuple[int, int], sweep: Sweep) -> None:
        start, end = region
        low, high = max(start, self._at), min(end, self._at + out.shape[1])
        first = self._at - self._reach  # where `known` begins
        inside = np.zeros((2, high - low + 2 * SWEEP_REACH), np.float32)  # the region alone, from low - reach on
        a, b = max(start, low - SWEEP_REACH, first), min(end, high + SWEEP_REACH, first + known.shape[1])
        inside[:, a - low + SWEEP_REACH : b - low + SWEEP_REACH] = known[:, a - first : b - first]
        wet = sweep_filter(inside, low - start, high - low, end - start, (sweep.from_hz, sweep.to_hz))
        place = slice(low - self._at, high - self._at)
        edge = max(1, min(samples(SWEEP_EDGE_SECONDS), (end - start) // 2))
        share = np.minimum(
            1, np.minimum(ticks(low - start, high - start) + 1, ticks(end - high, end - low)[::-1] + 1) / edge
        )
        out[:, place] += share * (wet - out[:, place])


def sweep_filter(sound: Samples, at: int, length: int, whole: int, corners_hz: tuple[float, float]) -> Samples:
    """Return samples [at, at + length) of a sweep of `whole` samples: a low-pass whose corner moves evenly in octaves.

    `sound` begins `SWEEP_REACH` samples before `at` and goes on so long after the end.
    """
    hop = SWEEP_FRAME // 2
    numbers = np.arange(max(0, (at - SWEEP_MARGIN) // hop), (at + length + SWEEP_MARGIN) // hop + 2)
    window = (0.5 - 0.5 * np.cos(2 * math.pi * np.arange(SWEEP_FRAME) / SWEEP_FRAME)).astype(np.float32)
    starts = numbers * hop - hop - at + SWEEP_REACH  # in `sound`; two windows always add up to one
    kept = (starts >= 0) & (starts + SWEEP_FRAME <= sound.shape[1])
    numbers, starts = numbers[kept], starts[kept]
    frames = np.lib.stride_tricks.sliding_window_view(sound, SWEEP_FRAME, axis=1)[:, starts] * window
    frames = np.pad(frames, ((0, 0), (0, 0), (SWEEP_MARGIN, SWEEP_MARGIN)))
    from_hz, to_hz = corners_hz
    corner = from_hz * (to_hz / from_hz) ** np.minimum(1.0, numbers * hop / max(1, whole))
    hz = np.fft.rfftfreq(2 * SWEEP_FRAME, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    gain = 1 / np.sqrt(1 + np.square(np.square(hz / corner[:, np.newaxis].astype(np.float32))))
    heard = from_spectrum(spectrum(frames, 2 * SWEEP_FRAME) * gain, 2 * SWEEP_FRAME)
    out = np.zeros((len(sound), sound.shape[1] + 2 * SWEEP_FRAME), np.float32)
    for index, start in enumerate(starts):
        out[:, start : start + 2 * SWEEP_FRAME] += heard[:, index]
    first = SWEEP_REACH + SWEEP_MARGIN
    return out[:, first : first + length]


class Echo:
    """Repeats after a delay, on alternating sides."""

    def __init__(self, delay: int, level: float) -> None:
        self._delay, self._level = delay, level
        self._past = np.zeros((2, delay * len(ECHOES)), np.float32)

    def add(self, sound: Samples) -> Samples:
        known = np.concatenate([self._past, sound], axis=1)
        out = sound.copy()
        for repeat in ECHOES:
            first = self._past.shape[1] - repeat * self._delay
            sides = np.array([[1.2], [0.5]] if repeat % 2 else [[0.5], [1.2]], np.float32)
            out += sides * np.float32(self._level**repeat) * known[:, first : first + sound.shape[1]]
        self._past = known[:, sound.shape[1] :].copy()
        return out


class Duck:
    """Pushes a sound down under each kick; a short ramp keeps it from clicking."""

    def __init__(self, song: Song, depth: float) -> None:
        self._shape = duck_shape(depth)
        self._kicks, self._first = kicks(song), 0

    def push(self, sound: Samples, at: int) -> None:
        stop, size = at + sound.shape[1], len(self._shape)
        down = np.zeros(sound.shape[1], np.float32)
        while self._first < len(self._kicks) and self._kicks[self._first][0] + size <= at:
            self._first += 1
        for start, force in self._kicks[self._first :]:
            if start >= stop:
                break
            low, high = max(start, at), min(start + size, stop)
            place = down[low - at : high - at]
            np.maximum(place, self._shape[low - start : high - start] * np.float32(force), out=place)
        sound *= 1 - down


def duck_shape(depth: float) -> Samples:
    """Return the ducking curve of a kick of full velocity, from its start on."""
    size = samples(DUCK_SECONDS)
    rise = np.minimum(1, ticks(0, size) / samples(DUCK_ATTACK_SECONDS))
    fall = np.exp(ticks(0, size) * np.float32(-4 / size)) * np.sqrt(ramp(1, 0, size))
    return np.asarray(np.float32(depth) * rise * fall)


def kicks(song: Song) -> list[tuple[int, float]]:
    """Return the times of kicks in samples, and their velocities, 0 to 1."""
    drums = [note for track in song.tracks if track.part == "drums" for note in track.notes]
    return sorted((start_sample(song, note.start_beats), note.velocity / 127) for note in drums if note.pitch == KICK)


class Crush:
    """Fewer steps of amplitude, each sample held for a moment."""

    def __init__(self, bits: int) -> None:
        self._step = np.float32(2.0 ** (1 - bits))
        self._held = np.zeros((2, 1), np.float32)

    def coarsen(self, sound: Samples, at: int) -> Samples:
        known = np.concatenate([self._held, np.round(sound / self._step) * self._step], axis=1)
        places = np.arange(at, at + sound.shape[1])
        out: Samples = np.take(known, np.maximum(0, places - places % CRUSH_HOLD - at + 1), axis=1)
        self._held = out[:, -1:].copy()
        return out


class Convolution:
    """The response of a room or filter to a sound of one or two channels; an impulse response of [1 or 2, n]."""

    def __init__(self, impulse: Samples) -> None:
        self._length = impulse.shape[1]
        self._size = fast_length(max(2 * self._length, 1 << 15))
        self._response = response(impulse, self._size)
        self._tail = np.zeros((2, self._length), np.float32)
        self._rings = False

    def convolve(self, sound: Samples, tick: Tick) -> Samples:
        out = np.zeros((2, sound.shape[1]), np.float32)
        block = self._size - self._length
        for start in range(0, sound.shape[1], block):
            part = sound[:, start : start + block]
            count = part.shape[1]
            if not (self._rings or part.any()):
                continue
            wet = np.zeros((2, count + self._length), np.float32)
            wet[:, : self._length] = self._tail
            if part.any():
                heard = from_spectrum(spectrum(part, self._size) * self._response, self._size)
                wet += heard[:, : count + self._length]
            out[:, start : start + count] = wet[:, :count]
            self._tail = wet[:, count:].copy()
            self._rings = bool(self._tail.any())
            tick()
        return out


def _room(levels: Levels, send: float, seed: int) -> Samples:
    """Return a room's answer: decaying noise, one for each ear."""
    length = samples(levels.reverb_seconds)
    rng = np.random.default_rng((seed, 7))
    room = np.stack([noise(rng, length, 250, 6500, 1) * decay(length, levels.reverb_seconds) for _ in range(2)])
    room[:, : samples(0.012)] *= ramp(0, 1, samples(0.012))
    room *= levels.reverb * send * 1.4 / np.sqrt((room**2).sum(axis=1, keepdims=True))
    return room


def _tilt(decibels: float) -> Samples:
    """Return a shelf above 4 kHz as an impulse response that begins at once."""
    size = TILT_TAPS * 32
    ratio = (np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ) / TILT_HZ) ** 2
    gain_db = decibels * ratio / (1 + ratio)
    # The least phase that fits a magnitude is the Hilbert transform of its logarithm: fold the cepstrum.
    cepstrum = np.fft.irfft(gain_db * (math.log(10) / 20), size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    impulse = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)[:TILT_TAPS]
    return impulse[np.newaxis].astype(np.float32)
