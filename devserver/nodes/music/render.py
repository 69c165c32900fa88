"""Plays a track: notes of a song into one stereo stem."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drums import CHOKES, KITS, TAKES, hit, tuned
from .dsp import SAMPLE_RATE_HZ, Array, samples
from .effects import END_SECONDS, IMPACT, RISER, SWELL, effect
from .song import Part, Song, Track
from .voices import VOICES

LENGTH_GRID = 480  # notes whose lengths differ by less than 10 ms share one sound
CHOKE_SECONDS = 0.02
EFFECT_GAIN = {RISER: 0.5, IMPACT: 0.9, SWELL: 0.55}
REFERENCE_PITCH: dict[Part, int] = {"bass": 40, "chords": 60, "lead": 72}
REFERENCE_RMS = 0.25
KEPT_SAMPLES = 8_000_000  # of the sounds kept for notes that come again: 64 MB

Tick = Callable[[], None]
Samples = NDArray[np.float32]


def length_samples(song: Song) -> int:
    return samples(song.brief.seconds)


def start_sample(song: Song, start_beats: float) -> int:
    return round(start_beats * 60 / song.brief.bpm * SAMPLE_RATE_HZ)


def render_track(song: Song, track: Track, out: Samples, tick: Tick) -> None:
    """Adds a track to a stem of float32 [2, T], dry and not yet balanced; `tick` is called once a note.

    Voices of one part are brought to one loudness, so that `gain_db` means the same for all.

    Raises:
        ValueError: the track names a voice or a kit that there is not.
    """
    known = KITS if track.part == "drums" else VOICES
    if track.voice not in known:
        raise ValueError(f"voice of {track.part} is {track.voice!r}; allowed is one of {', '.join(known)}")
    if track.part == "drums":
        _drums(song, track, out, tick)
    else:
        _pitched(song, track, out, tick)


class Sounds:
    """The sounds of notes that come again, as many as `KEPT_SAMPLES` hold; the oldest go first."""

    def __init__(self, make: Callable[[Any], Array]) -> None:
        self._make = make
        self._kept: dict[Any, Samples] = {}
        self._samples = 0

    def __getitem__(self, wanted: Any) -> Samples:
        sound = self._kept.get(wanted)
        if sound is None:
            sound = self._kept[wanted] = self._make(wanted).astype(np.float32)
            self._samples += sound.size
            while self._samples > KEPT_SAMPLES and len(self._kept) > 1:
                oldest = next(iter(self._kept))
                self._samples -= self._kept.pop(oldest).size
        return sound


def _pitched(song: Song, track: Track, out: Samples, tick: Tick) -> None:
    voice = VOICES[track.voice]
    place = zlib.crc32(f"{track.part} {track.voice}".encode())

    def make(wanted: tuple[int, int]) -> Array:
        # Each sound has randomness of its own, so it does not matter which was made before it.
        return voice.sound(*wanted, np.random.default_rng((song.brief.seed, place, *wanted)))

    sounds = Sounds(make)
    level = 10 ** (track.gain_db / 20) * REFERENCE_RMS / _loudness(track.voice, REFERENCE_PITCH[track.part])
    for note in track.notes:
        held = max(1, round(samples(note.duration_beats * 60 / song.brief.bpm) / LENGTH_GRID)) * LENGTH_GRID
        gain = level * (note.velocity / 127) ** 1.4
        _add(out, sounds[note.pitch, held], start_sample(song, note.start_beats), gain)
        tick()


@lru_cache(maxsize=128)
def _loudness(voice: str, pitch: int) -> float:
    """The level of a voice's first quarter of a second."""
    sound = VOICES[voice].sound(pitch, samples(0.25), np.random.default_rng(1))[:, : samples(0.25)]
    return float(np.sqrt((sound**2).mean()))


def _drums(song: Song, track: Track, out: Samples, tick: Tick) -> None:
    kit = tuned(KITS[track.voice], song.key.tonic)
    sounds = Sounds(lambda wanted: hit(kit, wanted[0], wanted[1], song.brief.seed))
    closings = {
        open_pitch: np.sort([start_sample(song, note.start_beats) for note in track.notes if note.pitch == closed])
        for closed, open_pitch in CHOKES.items()
    }
    for number, note in enumerate(track.notes):
        start = start_sample(song, note.start_beats)
        if note.pitch in EFFECT_GAIN:
            length = start_sample(song, note.start_beats + note.duration_beats) - start
            sound = effect(note.pitch, max(length, samples(END_SECONDS)), song.brief.seed).astype(np.float32)
            _add(out, sound, start, EFFECT_GAIN[note.pitch] * note.velocity / 127)
            tick()
            continue
        sound = sounds[note.pitch, number % TAKES]
        if note.pitch in closings:
            sound = _choked(sound, start, closings[note.pitch])
        _add(out, sound, start, (note.velocity / 127) ** 1.7)
        tick()


def _choked(sound: Samples, start: int, closings: Array) -> Samples:
    place = int(np.searchsorted(closings, start + samples(CHOKE_SECONDS), side="right"))
    if place == len(closings) or closings[place] - start >= sound.shape[1]:
        return sound
    length, fade = int(closings[place]) - start, samples(CHOKE_SECONDS)
    cut = sound[:, :length].copy()
    cut[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


def _add(out: Samples, sound: Samples, start: int, gain: float) -> None:
    length = min(sound.shape[1], out.shape[1] - start)
    if length > 0:
        out[:, start : start + length] += np.float32(gain) * sound[:, :length]
