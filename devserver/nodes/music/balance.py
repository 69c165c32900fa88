"""How loud the parts of a song will be, guessed from the score, so that they are balanced before all is played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .channel import DUCKED, ECHOES, SENT, duck_shape, kicks
from .genre import Levels
from .loudness import BLOCK, SILENCE_LUFS, gated_lufs, weighed_power
from .render import EFFECT_GAIN, Drums, Pitched, Struck, length_samples
from .song import Part, Song
from .voices import VOICES

STEP = BLOCK // 2
HEARD_STEPS = 6  # of a held note are heard for a guess; after them it fades on as it did
LONGEST_STEPS = 80

Powers = NDArray[np.float64]


def gain_for(target_lufs: float, loudness_lufs: float) -> float:
    """What brings a loudness to a target; 1 for silence."""
    return float(10 ** ((target_lufs - loudness_lufs) / 20)) if loudness_lufs > SILENCE_LUFS else 1.0


def guessed_lufs(song: Song, part: Part, levels: Levels, tracks: Sequence[Pitched | Drums]) -> float:
    """About what a part's loudness will be; it is measured exactly once the part has been played.

    Each note counts with the power of its voice at the track's middle pitch. Notes add up by power, and echo, room and
    ducking count with what they change on average.
    """
    powers = np.zeros(-(-length_samples(song) // STEP) + LONGEST_STEPS)
    for track in tracks:
        for profile, notes, whole in _profiles(track):
            _add_notes(powers, profile, notes, whole=whole)
    powers = powers[: -(-length_samples(song) // STEP)]
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


def _profiles(track: Pitched | Drums) -> Iterator[tuple[Powers, list[Struck], bool]]:
    """Powers over time of a note of gain 1, the notes that sound so, and whether each is heard to its end."""
    if isinstance(track, Pitched):
        if track.notes:
            middle = sorted(note.pitch for note in track.notes)[len(track.notes) // 2]
            yield _held_powers(track.voice, middle), track.notes, False
        return
    for pitch in sorted({note.pitch for note in track.notes} - set(EFFECT_GAIN)):
        yield _powers(track.sound(pitch, 0)), [note for note in track.notes if note.pitch == pitch], True


@lru_cache(maxsize=128)
def _held_powers(voice: str, pitch: int) -> Powers:
    heard = _powers(VOICES[voice].held(pitch, 0, HEARD_STEPS * STEP, np.random.default_rng(1)))
    fading = min(1.0, float(heard[-1] / max(heard[-2], 1e-12)))
    return np.concatenate([heard, heard[-1] * fading ** np.arange(1, LONGEST_STEPS - HEARD_STEPS + 1)])


def _powers(sound: NDArray[np.float32]) -> Powers:
    whole = np.pad(sound, ((0, 0), (0, -sound.shape[1] % STEP)))
    return np.array([weighed_power(whole[:, at : at + STEP]) for at in range(0, whole.shape[1], STEP)])


def _add_notes(powers: Powers, profile: Powers, notes: list[Struck], *, whole: bool) -> None:
    starts = np.array([note.start for note in notes])
    stops = np.array([note.stop for note in notes])
    gains = np.array([note.gain for note in notes], np.float64) ** 2
    first = starts // STEP
    for step, power in enumerate(profile):
        cell = first + step
        share = np.ones(len(notes)) if whole else np.minimum(stops, (cell + 1) * STEP) - np.maximum(starts, cell * STEP)
        share = share if whole else np.clip(share / STEP, 0, 1)
        if not share.any():
            return
        np.add.at(powers, np.minimum(cell, len(powers) - 1), power * gains * share)
