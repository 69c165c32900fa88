"""Stems to a mix: reverb and echo, ducking under the kick, balance by loudness, and a limited sum.

The stems that come out are as they sound in the mix: added up they are the mix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .dsp import SAMPLE_RATE_HZ, Array, decay, fast_length, noise, samples
from .genre import Levels
from .genres import GENRES
from .loudness import LIMITER_STEP, SILENCE_LUFS, limiter_gain, loudness_lufs
from .render import render_track, start_sample
from .song import PARTS, Part, Song

TARGET_LUFS = -14.0
CEILING = 10 ** (-1.6 / 20)  # leaves an MP3's overshoot room below full scale
CLOSE_ENOUGH_LU = 0.3
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
    return notes + math.ceil(song.brief.seconds * 24) + 40


def mixdown(song: Song, tick: Tick) -> Mixdown:
    """Renders and mixes a song; `tick` is called at least every 100 ms of work and may raise to stop it."""
    levels = GENRES[song.brief.genre].levels
    duck = _ducking(song, levels)
    stems: dict[Part, Samples] = {}
    for track in song.tracks:
        stem = render_track(song, track, tick)
        if track.notes:
            _place(stem, song, track.part, duck, tick)
            _balance(stem, levels.of(track.part), tick)
        stems[track.part] = _narrowed(stem, tick)
    missing = {part: np.zeros((2, samples(song.brief.seconds)), np.float32) for part in PARTS if part not in stems}
    return _mastered(stems | missing, tick)


def _place(stem: Array, song: Song, part: Part, duck: Array, tick: Tick) -> None:
    """Gives a stem its effects and the fade at the piece's end."""
    levels = GENRES[song.brief.genre].levels
    if part == "lead" and levels.echo:
        _add_echo(stem, song, levels.echo, tick)
    if part in DUCKED:
        depth = DUCKED[part]
        for at in _chunks(stem):
            stem[:, at] *= 1 - depth * duck[at]
            tick()
    if part in SENT:
        _add_room(stem, levels, SENT[part], song.brief.seed, tick)
    fade = min(samples(FADE_SECONDS), round(stem.shape[1] * FADE_SHARE))
    stem[:, -fade:] *= np.cos(np.linspace(0, math.pi / 2, fade)) ** 2


def _ducking(song: Song, levels: Levels) -> Array:
    """How far the kick pushes the others down at each sample; a short ramp keeps it from clicking."""
    size = samples(DUCK_SECONDS)
    at = np.arange(size)
    shape = (
        levels.duck
        * np.minimum(1, at / samples(DUCK_ATTACK_SECONDS))
        * np.exp(-4 * at / size)
        * np.linspace(1, 0, size) ** 0.5
    )
    duck = np.zeros(samples(song.brief.seconds))
    for track in song.tracks:
        for note in track.notes if track.part == "drums" else ():
            if note.pitch == KICK:
                start = start_sample(song, note.start_beats)
                place = duck[start : start + size]
                np.maximum(place, shape[: len(place)] * (note.velocity / 127), out=place)
    return duck


def _add_echo(stem: Array, song: Song, level: float, tick: Tick) -> None:
    """Adds repeats after three sixteenths, on alternating sides. Backwards, so that only the dry sound is repeated."""
    delay = start_sample(song, 0.75)
    for at in reversed(list(_chunks(stem))):
        added = np.zeros((2, at.stop - at.start))
        for repeat in (1, 2, 3):
            first = max(at.start, delay * repeat)
            if first >= at.stop:
                break
            heard = stem[:, first - delay * repeat : at.stop - delay * repeat]
            sides = (1.2, 0.5) if repeat % 2 else (0.5, 1.2)
            added[:, first - at.start :] += level**repeat * np.array(sides)[:, np.newaxis] * heard
        stem[:, at] += added
        tick()


def _add_room(stem: Array, levels: Levels, send: float, seed: int, tick: Tick) -> None:
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
        part = stem[:, start : start + block].mean(axis=0)
        if part.any():
            wet = np.fft.irfft(np.fft.rfft(part, size) * spectrum, size)
            place = stem[:, start : start + size]
            place += wet[:, : place.shape[1]]
        tick()


def _balance(stem: Array, target_lufs: float, tick: Tick) -> None:
    loudness = loudness_lufs(stem, SAMPLE_RATE_HZ, tick)
    for at in _chunks(stem) if loudness > SILENCE_LUFS else ():
        stem[:, at] *= 10 ** ((target_lufs - loudness) / 20)
        tick()


def _narrowed(stem: Array, tick: Tick) -> Samples:
    out = np.empty(stem.shape, np.float32)
    for at in _chunks(stem):
        out[:, at] = stem[:, at]
        tick()
    return out


def _mastered(stems: dict[Part, Samples], tick: Tick) -> Mixdown:
    """Brings the sum to the target loudness under the ceiling, and every stem with it (in place)."""
    mix = np.empty_like(stems["drums"])
    for at in _chunks(mix):
        mix[:, at] = sum(stem[:, at].astype(np.float64) for stem in stems.values())
        tick()
    loudness = loudness_lufs(mix, SAMPLE_RATE_HZ, tick)
    if loudness <= SILENCE_LUFS:
        return Mixdown(mix, stems)
    gain = 10 ** ((TARGET_LUFS - loudness) / 20)
    curve: Array = np.ones(0)
    limited = np.empty_like(mix)
    for _ in range(3):  # limiting costs loudness: give it back, and limit again
        curve = limiter_gain(mix, gain, CEILING, SAMPLE_RATE_HZ, tick)
        _scale((mix,), (limited,), curve, tick)
        short = TARGET_LUFS - loudness_lufs(limited, SAMPLE_RATE_HZ, tick)
        if short < CLOSE_ENOUGH_LU:
            break
        gain *= 10 ** (min(3.0, short) / 20)
    _scale(tuple(stems.values()), tuple(stems.values()), curve, tick)
    return Mixdown(limited, stems)


def _scale(sources: tuple[Samples, ...], targets: tuple[Samples, ...], curve: Array, tick: Tick) -> None:
    """Fills each target with its source times a gain given every `LIMITER_STEP` samples."""
    knots = np.arange(len(curve)) * LIMITER_STEP
    for at in _chunks(sources[0]):
        gain = np.interp(np.arange(at.start, at.stop), knots, curve)
        for source, target in zip(sources, targets, strict=True):
            target[:, at] = source[:, at] * gain
        tick()


def _chunks(sound: Array | Samples) -> Iterator[slice]:
    length = sound.shape[1]
    return (slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK))
