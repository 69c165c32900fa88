"""Plays a track: notes of a song into one stereo stem."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from .drums import CHOKES, KITS, TAKES, hit, tuned
from .dsp import SAMPLE_RATE_HZ, Array, samples
from .song import Song, Track
from .voices import VOICES

LENGTH_GRID = 480  # notes whose lengths differ by less than 10 ms share one sound
CHOKE_SECONDS = 0.02

Tick = Callable[[], None]


def length_samples(song: Song) -> int:
    return samples(song.brief.seconds)


def render_track(song: Song, track: Track, tick: Tick) -> Array:
    """The stem of a track, float64 [2, T], dry and not yet balanced; `tick` is called once a note.

    Raises:
        ValueError: the track names a voice or a kit that there is not.
    """
    known = KITS if track.part == "drums" else VOICES
    if track.voice not in known:
        raise ValueError(f"voice of {track.part} is {track.voice!r}; allowed is one of {', '.join(known)}")
    return _drums(song, track, tick) if track.part == "drums" else _pitched(song, track, tick)


def start_sample(song: Song, start_beats: float) -> int:
    return round(start_beats * 60 / song.brief.bpm * SAMPLE_RATE_HZ)


def _pitched(song: Song, track: Track, tick: Tick) -> Array:
    out = np.zeros((2, length_samples(song)))
    voice = VOICES[track.voice]
    sounds: dict[tuple[int, int], Array] = {}
    rng = np.random.default_rng((song.brief.seed, zlib.crc32(track.part.encode())))
    for note in track.notes:
        held = max(1, round(samples(note.duration_beats * 60 / song.brief.bpm) / LENGTH_GRID)) * LENGTH_GRID
        wanted = (note.pitch, held)
        if wanted not in sounds:
            sounds[wanted] = voice.sound(note.pitch, held, rng)
        _add(out, sounds[wanted], start_sample(song, note.start_beats), (note.velocity / 127) ** 1.4)
        tick()
    return out


def _drums(song: Song, track: Track, tick: Tick) -> Array:
    out = np.zeros((2, length_samples(song)))
    kit = tuned(KITS[track.voice], song.key.tonic)
    sounds: dict[tuple[int, int], Array] = {}
    closings = {
        open_pitch: np.array([start_sample(song, note.start_beats) for note in track.notes if note.pitch == closed])
        for closed, open_pitch in CHOKES.items()
    }
    for number, note in enumerate(track.notes):
        wanted = (note.pitch, number % TAKES)
        if wanted not in sounds:
            sounds[wanted] = hit(kit, *wanted, song.brief.seed)
        start = start_sample(song, note.start_beats)
        sound = sounds[wanted]
        if note.pitch in closings:
            sound = _choked(sound, start, closings[note.pitch])
        _add(out, sound, start, (note.velocity / 127) ** 1.7)
        tick()
    return out


def _choked(sound: Array, start: int, closings: Array) -> Array:
    later = closings[closings > start + samples(CHOKE_SECONDS)]
    if not later.size or later.min() - start >= sound.shape[1]:
        return sound
    length, fade = int(later.min()) - start, samples(CHOKE_SECONDS)
    cut = sound[:, :length].copy()
    cut[:, -fade:] *= np.linspace(1, 0, fade)
    return cut


def _add(out: Array, sound: Array, start: int, gain: float) -> None:
    length = min(sound.shape[1], out.shape[1] - start)
    if length > 0:
        out[:, start : start + length] += gain * sound[:, :length]
