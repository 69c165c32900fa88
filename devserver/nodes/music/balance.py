"""Guess the loudness of a song's parts from the score, so that they are balanced before all of it is rendered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..studio.meter import SILENCE_LUFS, gated_lufs
from .channel import DUCKED, ECHOES, SENT, duck_shape, kicks
from .dsp import Samples
from .genre import Levels
from .loudness import BLOCK, k_weight
from .render import EFFECT_GAIN, Drums, Pitched, Struck, length_samples
from .song import Part, Song

STEP = BLOCK // 2
FINE = STEP // 8
COURSE = 800  # fine steps of a note that count: 20 s
HEARD_PITCHES = 5  # of a track

Course = NDArray[np.float64]


def gain_for(target_lufs: float, loudness_lufs: float) -> float:
    """Return the gain that brings a loudness to a target; 1 for silence."""
    return float(10 ** ((target_lufs - loudness_lufs) / 20)) if loudness_lufs > SILENCE_LUFS else 1.0


def guess_lufs(song: Song, part: Part, levels: Levels, tracks: Sequence[Pitched | Drums]) -> float:
    """About what a part's loudness will be; it is measured exactly once the part has been played.

    Each note counts with the energy of its track's most common notes, whose beginnings are heard for it. Notes add up
    by power, and echo, room and ducking count with what they change on average.
    """
    powers = np.zeros(-(-length_samples(song) // STEP) + 1)
    for track in tracks:
        for course, notes in _courses(track):
            _add_notes(powers, course, notes)
    powers = powers[:-1]  # the last one took what sounds after the end
    if part == "lead":
        powers *= 1 + 0.845 * sum(levels.echo ** (2 * repeat) for repeat in ECHOES)
    if part in SENT:
        powers *= 1 + (levels.reverb * SENT[part] * 1.4) ** 2
    if part in DUCKED and levels.duck:
        lost = 1 - float(np.square(1 - duck_shape(levels.duck * DUCKED[part])).mean())
        share = lost * len(duck_shape(1.0)) / STEP
        counts = np.bincount([start // STEP for start, _ in kicks(song)], minlength=len(powers))[: len(powers)]
        powers *= 1 - np.minimum(1.0, share * counts)
    even = powers[: max(2, len(powers) // 2 * 2)]
    return gated_lufs(even.reshape(-1, 2).mean(axis=1) if len(even) % 2 == 0 else even)


def _courses(track: Pitched | Drums) -> Iterator[tuple[Course, list[Struck]]]:
    """Yield notes, and the growing energy of one of gain 1 while it sounds."""
    if isinstance(track, Pitched):
        if track.notes:
            common = Counter(note.pitch for note in track.notes).most_common(HEARD_PITCHES)
            weight = sum(count for _, count in common)
            courses = [
                _energy_growth(track.beginning(pitch), goes_on=True) * (count / weight) for pitch, count in common
            ]
            yield np.sum(courses, axis=0), track.notes
        return
    for pitch in sorted({note.pitch for note in track.notes} - set(EFFECT_GAIN)):
        yield (
            _energy_growth(track.sound(pitch, 0), goes_on=False),
            [note for note in track.notes if note.pitch == pitch],
        )


def _energy_growth(sound: Samples, *, goes_on: bool) -> Course:
    """Return the K-weighted energy of a sound up to each `FINE` samples; held on, it grows as it last did."""
    energies = np.square(k_weight(sound), dtype=np.float64).sum(axis=0) * (2 // len(sound))
    whole = np.pad(energies, (0, -len(energies) % FINE)).reshape(-1, FINE).sum(axis=1)[:COURSE]
    last = whole[-STEP // FINE :].mean() if goes_on else 0.0
    return np.concatenate([[0.0], np.cumsum(np.pad(whole, (0, COURSE - len(whole)), constant_values=last))])


def _add_notes(powers: Course, course: Course, notes: list[Struck]) -> None:
    """Add what each note puts into each step."""
    starts = np.array([note.start for note in notes])
    lengths = np.minimum(np.array([note.stop for note in notes]) - starts, COURSE * FINE) / FINE
    gains = np.array([note.gain for note in notes], np.float64) ** 2 / STEP
    places, first, before = np.arange(len(course)), starts // STEP, np.zeros(len(notes))
    for step in range(1, COURSE * FINE // STEP + 1):
        energy = np.interp(np.minimum(((first + step) * STEP - starts) / FINE, lengths), places, course)
        np.add.at(powers, np.minimum(first + step - 1, len(powers) - 1), gains * (energy - before))
        if np.array_equal(energy, before):
            return
        before = energy
