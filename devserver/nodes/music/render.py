"""Plays a part: the notes of a song as one stereo sound, dry, stretch after stretch."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .drums import CHOKES, KITS, TAKES, hit, tune_kit
from .dsp import SAMPLE_RATE_HZ, Samples, ramp, release_curve, samples
from .effects import END_SECONDS, IMPACT, RISER, SWELL, effect
from .song import Part, Song, Track
from .voices import VOICES

SEGMENT = 16_384  # samples of a held note that are made at once
LENGTH_GRID = 480  # notes whose lengths differ by less than 10 ms are as long as each other
CHOKE_SECONDS = 0.02
EFFECT_GAIN = {RISER: 0.5, IMPACT: 0.9, SWELL: 0.55}
REFERENCE_PITCH: dict[Part, int] = {"bass": 40, "chords": 60, "lead": 72}
REFERENCE_RMS = 0.25
NEVER = 1 << 62
KEPT_SAMPLES = 4_000_000  # of a part's sounds that are kept for notes that come again: 16 MB

Tick = Callable[[], None]


def length_samples(song: Song) -> int:
    return samples(song.brief.seconds)


def start_sample(song: Song, start_beats: float) -> int:
    return round(start_beats * 60 / song.brief.bpm * SAMPLE_RATE_HZ)


class Kept:
    """The sounds of notes that come again, as many as `KEPT_SAMPLES` hold; those not heard for longest go first."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Samples] = {}
        self._samples = 0

    def get(self, key: Hashable, make: Callable[[], Samples]) -> Samples:
        sound = self._kept.pop(key, None)
        if sound is None:
            sound = make()
            self._samples += sound.size
        self._kept[key] = sound
        while self._samples > KEPT_SAMPLES and len(self._kept) > 1:
            self._samples -= self._kept.pop(next(iter(self._kept))).size
        return sound


@dataclass(frozen=True, slots=True)
class Struck:
    """A note on its way: it sounds from sample `start` to `stop`, unless it is over before."""

    start: int
    stop: int
    pitch: int
    gain: np.float32
    held: int  # samples; of a drum the take, of an effect its length


class PartPlayer:
    """Plays all tracks of one part.

    Voices of one part are brought to one loudness, so that `gain_db` means the same for all.

    Raises:
        ValueError: a track names a voice or a kit that there is not.
    """

    def __init__(self, song: Song, part: Part, kept: Kept) -> None:
        own = [track for track in song.tracks if track.part == part]
        self.tracks: list[Pitched | Drums] = [
            Drums(song, track) if part == "drums" else Pitched(song, track, kept) for track in own
        ]
        self._next = [0] * len(self.tracks)
        self._sounding: list[list[Struck]] = [[] for _ in self.tracks]
        self._at = 0

    def play(self, length: int, tick: Tick) -> Samples:
        """Return the next so many samples, float32 [2, length]; `tick` is called once a note."""
        out = np.zeros((2, length), np.float32)
        stop = self._at + length
        for index, track in enumerate(self.tracks):
            sounding, at = self._sounding[index], self._next[index]
            while at < len(track.notes) and track.notes[at].start < stop:
                sounding.append(track.notes[at])
                at += 1
            self._next[index] = at
            going_on = []
            for note in sounding:
                if track.add(note, out, self._at):
                    going_on.append(note)
                tick()
            self._sounding[index] = going_on
        self._at = stop
        return out


class Pitched:
    """A track of a pitched voice. Its notes' sounds are made in segments, when they are first heard."""

    def __init__(self, song: Song, track: Track, kept: Kept) -> None:
        if track.voice not in VOICES:
            raise ValueError(f"voice of {track.part} is {track.voice!r}; allowed is one of {', '.join(VOICES)}")
        self.voice, self._kept = track.voice, kept
        self._seed = (song.brief.seed, zlib.crc32(f"{track.part} {track.voice}".encode()))
        self._tail = release_curve(VOICES[track.voice].release)
        level = 10 ** (track.gain_db / 20) * REFERENCE_RMS / _level(track.voice, REFERENCE_PITCH[track.part])
        self.notes: list[Struck] = []
        self._longest: dict[int, int] = {}
        for note in sorted(track.notes, key=lambda note: note.start_beats):
            held = max(1, round(samples(note.duration_beats * 60 / song.brief.bpm) / LENGTH_GRID)) * LENGTH_GRID
            start, whole = start_sample(song, note.start_beats), held + len(self._tail)
            gain = np.float32(level * (note.velocity / 127) ** 1.4)
            self.notes.append(Struck(start, start + whole, note.pitch, gain, held))
            self._longest[note.pitch] = max(self._longest.get(note.pitch, 0), whole)

    def add(self, note: Struck, out: Samples, at: int) -> bool:
        low, high = max(0, at - note.start), min(note.stop, at + out.shape[1]) - note.start
        while low < high:
            first = low // SEGMENT * SEGMENT
            end = min(high, first + SEGMENT)
            if low < note.held:
                end = min(end, note.held)
            sound = self._segment(note.pitch, first)[:, low - first : end - first]
            place = note.start - at
            if low < note.held:
                out[:, place + low : place + end] += note.gain * sound
            else:
                fade = self._tail[low - note.held : end - note.held] * note.gain
                out[:, place + low : place + end] += fade * sound
            low = end
        return bool(note.stop > at + out.shape[1])

    def beginning(self, pitch: int) -> Samples:
        """Return the first second of a note, or less where none is held so long: kept for when it is played."""
        longest = self._longest[pitch]
        return np.concatenate([self._segment(pitch, at) for at in range(0, min(longest, 3 * SEGMENT), SEGMENT)], axis=1)

    def _segment(self, pitch: int, first: int) -> Samples:
        stop = min(first + SEGMENT, self._longest[pitch])

        def make() -> Samples:
            # Each sound has randomness of its own, so it does not matter which was made before it.
            rng = np.random.default_rng((*self._seed, pitch))
            return VOICES[self.voice].held(pitch, first, stop, rng)

        # Another track of the same voice may hold the same pitch for a longer or a shorter time.
        return self._kept.get((self._seed, pitch, first, stop), make)


@lru_cache(maxsize=128)
def _level(voice: str, pitch: int) -> float:
    """Return the level of a voice's first quarter of a second."""
    sound = VOICES[voice].held(pitch, 0, samples(0.25), np.random.default_rng(1))
    return float(np.sqrt((sound.astype(np.float64) ** 2).mean()))


class Drums:
    """A track of a drum kit, and of the effects between sections."""

    def __init__(self, song: Song, track: Track) -> None:
        if track.voice not in KITS:
            raise ValueError(f"voice of drums is {track.voice!r}; allowed is one of {', '.join(KITS)}")
        self._kit, self._seed = tune_kit(KITS[track.voice], song.key.tonic), song.brief.seed
        self._sounds: dict[tuple[int, int], Samples] = {}  # a kit is small enough to be kept
        self._effects: dict[Struck, Samples] = {}
        closings = {
            open_pitch: np.sort([start_sample(song, note.start_beats) for note in track.notes if note.pitch == closed])
            for closed, open_pitch in CHOKES.items()
        }
        self.notes: list[Struck] = []
        for number, note in enumerate(sorted(track.notes, key=lambda note: note.start_beats)):
            start = start_sample(song, note.start_beats)
            if note.pitch in EFFECT_GAIN:
                length = start_sample(song, note.start_beats + note.duration_beats) - start
                held, gain = max(length, samples(END_SECONDS)), EFFECT_GAIN[note.pitch] * note.velocity / 127
                self.notes.append(Struck(start, start + held, note.pitch, np.float32(gain), held))
            else:
                gain = (note.velocity / 127) ** 1.7
                stop = _closing_time(closings.get(note.pitch), start)
                self.notes.append(Struck(start, stop, note.pitch, np.float32(gain), number % TAKES))

    def sound(self, pitch: int, take: int) -> Samples:
        """One take of an instrument."""
        if (pitch, take) not in self._sounds:
            self._sounds[pitch, take] = hit(self._kit, pitch, take, self._seed)
        return self._sounds[pitch, take]

    def add(self, note: Struck, out: Samples, at: int) -> bool:
        sound = self._effect(note) if note.pitch in EFFECT_GAIN else self.sound(note.pitch, note.held)
        whole = min(sound.shape[1], note.stop - note.start)
        low, high = max(0, at - note.start), min(whole, at + out.shape[1] - note.start)
        if low < high:
            heard = note.gain * sound[:, low:high]
            fading = whole - samples(CHOKE_SECONDS)
            if whole < sound.shape[1] and high > fading:
                first = max(low, fading)
                heard[:, first - low :] *= ramp(1, 0, samples(CHOKE_SECONDS))[first - fading : high - fading]
            out[:, note.start + low - at : note.start + high - at] += heard
        goes_on = bool(note.start + whole > at + out.shape[1])
        if not goes_on:
            self._effects.pop(note, None)
        return goes_on

    def _effect(self, note: Struck) -> Samples:
        if note not in self._effects:
            self._effects[note] = effect(note.pitch, note.held, self._seed)
        return self._effects[note]


def _closing_time(closings: NDArray[np.int64] | None, start: int) -> int:
    """Return the time at which a closing hat ends an open one, if one does."""
    place = 0 if closings is None else int(np.searchsorted(closings, start + samples(CHOKE_SECONDS), side="right"))
    return NEVER if closings is None or place == len(closings) else int(closings[place])
