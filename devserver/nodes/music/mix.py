"""Stems to a mix: reverb and echo, ducking under the kick, balance by loudness, and a limited sum.

The stems that come out are as they sound in the mix: added up they are the mix.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
    return notes + math.ceil(song.brief.seconds * 20) + 40


def mixdown(song: Song, tick: Tick) -> Mixdown:
    """Renders and mixes a song; `tick` is called at least every 100 ms of work and may raise to stop it."""
    levels = GENRES[song.brief.genre].levels
    duck = _ducking(song, levels)
    stems: dict[Part, Samples] = {}
    for track in song.tracks:
        stem = render_track(song, track, tick)
        if track.notes:
            stem = _placed(stem, song, track.part, duck, tick)
            _balance(stem, levels.of(track.part), tick)
        stems[track.part] = stem.astype(np.float32)
    missing = {part: np.zeros((2, samples(song.brief.seconds)), np.float32) for part in PARTS if part not in stems}
    return _mastered(stems | missing, tick)


def _placed(stem: Array, song: Song, part: Part, duck: Array, tick: Tick) -> Array:
    """A stem with its effects and the fade at the piece's end."""
    levels = GENRES[song.brief.genre].levels
    if part == "lead" and levels.echo:
        stem = _echoed(stem, song, levels.echo)
        tick()
    if part in DUCKED:
        depth = DUCKED[part]
        for start in range(0, stem.shape[1], CHUNK):
            stem[:, start : start + CHUNK] *= 1 - depth * duck[start : start + CHUNK]
            tick()
    if part in SENT:
        stem = _reverberated(stem, levels, SENT[part], song.brief.seed, tick)
    fade = min(samples(FADE_SECONDS), round(stem.shape[1] * FADE_SHARE))
    stem[:, -fade:] *= np.cos(np.linspace(0, math.pi / 2, fade)) ** 2
    return stem


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


def _echoed(stem: Array, song: Song, level: float) -> Array:
    """Repeats after three sixteenths, on alternating sides."""
    out = stem.copy()
    delay = start_sample(song, 0.75)
    for repeat in (1, 2, 3):
        late = delay * repeat
        if late >= stem.shape[1]:
            break
        near, far = (0, 1) if repeat % 2 else (1, 0)
        out[near, late:] += level**repeat * 1.2 * stem[0, :-late]
        out[far, late:] += level**repeat * 0.5 * stem[1, :-late]
    return out


def _reverberated(stem: Array, levels: Levels, send: float, seed: int, tick: Tick) -> Array:
    """The stem and its room: decaying noise, convolved block by block."""
    length = samples(levels.reverb_seconds)
    rng = np.random.default_rng((seed, 7))
    room = np.stack([noise(rng, length, 250, 6500, 1) * decay(length, levels.reverb_seconds) for _ in range(2)])
    room[:, : samples(0.012)] *= np.linspace(0, 1, samples(0.012))
    room *= levels.reverb * send * 1.4 / np.sqrt((room**2).sum(axis=1, keepdims=True))
    size = fast_length(length * 3)
    block = size - length
    spectrum = np.fft.rfft(room, size)
    out = stem.copy()
    mono = stem.mean(axis=0)
    for start in range(0, len(mono), block):
        part = mono[start : start + block]
        if not part.any():
            continue
        wet = np.fft.irfft(np.fft.rfft(part, size) * spectrum, size)
        place = out[:, start : start + size]
        place += wet[:, : place.shape[1]]
        tick()
    return out


def _balance(stem: Array, target_lufs: float, tick: Tick) -> None:
    loudness = loudness_lufs(stem, SAMPLE_RATE_HZ, tick)
    if loudness > SILENCE_LUFS:
        stem *= 10 ** ((target_lufs - loudness) / 20)


def _mastered(stems: dict[Part, Samples], tick: Tick) -> Mixdown:
    """Brings the sum to the target loudness under the ceiling, and every stem with it."""
    total = np.zeros_like(stems["drums"], dtype=np.float64)
    for stem in stems.values():
        total += stem
        tick()
    loudness = loudness_lufs(total, SAMPLE_RATE_HZ, tick)
    if loudness <= SILENCE_LUFS:
        return Mixdown(total.astype(np.float32), stems)
    gain = 10 ** ((TARGET_LUFS - loudness) / 20)
    curve = limiter_gain(total, gain, CEILING, SAMPLE_RATE_HZ, tick)
    for _ in range(2):  # limiting costs loudness: give it back once or twice
        reached = loudness_lufs(_scaled(total, curve, tick), SAMPLE_RATE_HZ, tick)
        if TARGET_LUFS - reached < 0.3:
            break
        gain *= 10 ** (min(3.0, TARGET_LUFS - reached) / 20)
        curve = limiter_gain(total, gain, CEILING, SAMPLE_RATE_HZ, tick)
    finished = {part: _scaled(stem, curve, tick) for part, stem in stems.items()}
    mix = _scaled(total, curve, tick).astype(np.float32)
    return Mixdown(mix, {part: stem.astype(np.float32) for part, stem in finished.items()})


def _scaled(audio: Array | Samples, curve: Array, tick: Tick) -> Array:
    """Audio times a gain given every `LIMITER_STEP` samples."""
    out = np.empty(audio.shape)
    knots = np.arange(len(curve)) * LIMITER_STEP
    for start in range(0, audio.shape[1], CHUNK):
        at = np.arange(start, min(start + CHUNK, audio.shape[1]))
        out[:, at[0] : at[-1] + 1] = audio[:, at[0] : at[-1] + 1] * np.interp(at, knots, curve)
        tick()
    return out
