"""Stems to a mix: sweeps, echo, ducking under the kick, reverb, balance by loudness, and a limited sum.

The stems that come out are as they sound in the mix: added up they are the mix. All is done in place and piece by
piece, so that nothing as long as the song is held besides the five sounds that are handed out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .dsp import SAMPLE_RATE_HZ, decay, fast_length, noise, samples, swept
from .genre import Levels
from .genres import GENRES
from .loudness import (
    LIMITER_STEP,
    SILENCE_LUFS,
    block_powers,
    blocks_gain,
    gated_lufs,
    limiter_curve,
    step_levels,
)
from .render import render_track, start_sample
from .song import PARTS, Part, Song

TARGET_LUFS = -14.0
CEILING = 10 ** (-1.6 / 20)  # leaves an MP3's overshoot room below full scale
CLOSE_ENOUGH_LU = 0.1
ROUNDS = 4
CHUNK = SAMPLE_RATE_HZ * 2  # samples of one step of work
KICK = 36
DUCK_SECONDS, DUCK_ATTACK_SECONDS = 0.18, 0.004
DUCKED: dict[Part, float] = {"bass": 1.0, "chords": 0.8, "lead": 0.25}
SENT: dict[Part, float] = {"chords": 0.8, "lead": 1.0}
FADE_SECONDS, FADE_SHARE = 2.0, 0.1

Tick = Callable[[], None]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Mixdown:
    """The mix and its stems, float32 [2, T] each, at `SAMPLE_RATE_HZ`."""

    mix: Samples
    stems: dict[Part, Samples]


def steps_in(song: Song) -> int:
    """About how often `mixdown` ticks."""
    notes = sum(len(track.notes) for track in song.tracks)
    return notes + math.ceil(song.brief.seconds * 16) + 40


def mixdown(song: Song, tick: Tick) -> Mixdown:
    """Renders and mixes a song; `tick` is called at least every 100 ms of work and may raise to stop it."""
    levels = GENRES[song.brief.genre].levels
    stems: dict[Part, Samples] = {part: np.zeros((2, samples(song.brief.seconds)), np.float32) for part in PARTS}
    for track in song.tracks:
        render_track(song, track, stems[track.part], tick)
    gains: dict[Part, float] = {}
    for part, stem in stems.items():
        if any(track.notes for track in song.tracks if track.part == part):
            _place(stem, song, part, tick)
            loudness = gated_lufs(block_powers(stem, SAMPLE_RATE_HZ, tick, every=2 if song.brief.seconds > 10 else 1))
            gains[part] = 10 ** ((levels.of(part) - loudness) / 20) if loudness > SILENCE_LUFS else 1.0
    return _mastered(stems, gains, tick)


def _place(stem: Samples, song: Song, part: Part, tick: Tick) -> None:
    """Gives a stem its effects and the fade at the piece's end."""
    levels = GENRES[song.brief.genre].levels
    for sweep in song.sweeps:
        if sweep.part == part:
            region = slice(start_sample(song, sweep.start_beats), start_sample(song, sweep.end_beats))
            stem[:, region] = swept(stem[:, region], sweep.from_hz, sweep.to_hz, tick)
    if part == "lead" and levels.echo:
        _add_echo(stem, song, levels.echo, tick)
    if part in DUCKED and levels.duck:
        _duck(stem, song, levels.duck * DUCKED[part], tick)
    if part in SENT:
        _add_room(stem, levels, SENT[part], song.brief.seed, tick)
    fade = min(samples(FADE_SECONDS), round(stem.shape[1] * FADE_SHARE))
    stem[:, -fade:] *= (np.cos(np.linspace(0, math.pi / 2, fade)) ** 2).astype(np.float32)


def _duck(stem: Samples, song: Song, depth: float, tick: Tick) -> None:
    """Pushes a stem down under each kick; a short ramp keeps it from clicking."""
    size = samples(DUCK_SECONDS)
    at = np.arange(size)
    ramp = np.minimum(1, at / samples(DUCK_ATTACK_SECONDS))
    shape = ramp * np.exp(-4 * at / size) * np.linspace(1, 0, size) ** 0.5
    kicks = [note for track in song.tracks if track.part == "drums" for note in track.notes if note.pitch == KICK]
    starts = [start_sample(song, note.start_beats) for note in kicks]
    first = 0
    for at_once in _chunks(stem):
        duck = np.zeros(at_once.stop - at_once.start)
        while first < len(starts) and starts[first] + size <= at_once.start:
            first += 1
        for start, note in zip(starts[first:], kicks[first:], strict=True):
            if start >= at_once.stop:
                break
            low, high = max(start, at_once.start), min(start + size, at_once.stop)
            place = duck[low - at_once.start : high - at_once.start]
            np.maximum(place, shape[low - start : high - start] * (note.velocity / 127), out=place)
        if duck.any():
            stem[:, at_once] *= (1 - depth * duck).astype(np.float32)
        tick()


def _add_echo(stem: Samples, song: Song, level: float, tick: Tick) -> None:
    """Adds repeats after three sixteenths, on alternating sides. Backwards, so that only the dry sound is repeated."""
    delay = start_sample(song, 0.75)
    for at in reversed(list(_chunks(stem))):
        added = np.zeros((2, at.stop - at.start), np.float32)
        for repeat in (1, 2, 3):
            first = max(at.start, delay * repeat)
            if first >= at.stop:
                break
            heard = stem[:, first - delay * repeat : at.stop - delay * repeat]
            sides = (1.2, 0.5) if repeat % 2 else (0.5, 1.2)
            added[:, first - at.start :] += np.array(sides, np.float32)[:, np.newaxis] * heard * level**repeat
        stem[:, at] += added
        tick()


def _add_room(stem: Samples, levels: Levels, send: float, seed: int, tick: Tick) -> None:
    """Adds a stem's reverberation to it: decaying noise, convolved block by block; backwards, for the same reason."""
    length = samples(levels.reverb_seconds)
    rng = np.random.default_rng((seed, 7))
    room = np.stack([noise(rng, length, 250, 6500, 1) * decay(length, levels.reverb_seconds) for _ in range(2)])
    room[:, : samples(0.012)] *= np.linspace(0, 1, samples(0.012))
    room *= levels.reverb * send * 1.4 / np.sqrt((room**2).sum(axis=1, keepdims=True))
    size = fast_length(length * 3)
    block = size - length
    spectrum = np.fft.rfft(room, size)
    for start in reversed(range(0, stem.shape[1], block)):
        part = stem[:, start : start + block].mean(axis=0, dtype=np.float64)
        if part.any():
            heard = np.fft.rfft(part, size)
            for side in (0, 1):
                wet = np.fft.irfft(heard * spectrum[side], size)
                place = stem[side, start : start + size]
                place += wet[: len(place)].astype(np.float32)
                tick()
        tick()


def _mastered(stems: dict[Part, Samples], gains: dict[Part, float], tick: Tick) -> Mixdown:
    """Brings the sum to the target loudness under the ceiling, and every stem with it (in place)."""
    mix = np.zeros_like(stems["drums"])
    for at in _chunks(mix):
        for part, gain in gains.items():
            stems[part][:, at] *= np.float32(gain)
            mix[:, at] += stems[part][:, at]
        tick()
    powers = block_powers(mix, SAMPLE_RATE_HZ, tick)
    loudness = gated_lufs(powers)
    if loudness <= SILENCE_LUFS:
        return Mixdown(mix, stems)
    peaks, energies = step_levels(mix, tick)
    gain = 10 ** ((TARGET_LUFS - loudness) / 20)
    for _ in range(ROUNDS):  # limiting costs loudness: give it back, and limit again
        curve = limiter_curve(peaks, gain, CEILING, SAMPLE_RATE_HZ, tick)
        short = TARGET_LUFS - gated_lufs(powers * blocks_gain(curve, energies, len(powers), SAMPLE_RATE_HZ))
        if short < CLOSE_ENOUGH_LU:
            break
        gain *= 10 ** (min(3.0, 1.3 * short) / 20)
    knots = np.arange(len(curve)) * LIMITER_STEP
    for at in _chunks(mix):
        level = np.interp(np.arange(at.start, at.stop), knots, curve).astype(np.float32)
        for sound in (mix, *(stems[part] for part in gains)):
            sound[:, at] *= level
        tick()
    return Mixdown(mix, stems)


def _chunks(sound: Samples) -> Iterator[slice]:
    length = sound.shape[1]
    return (slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK))
