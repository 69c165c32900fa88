"""Keys, scales, chords by Roman numeral, and voice leading. Pitches are MIDI note numbers (60 is middle C)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Mode = Literal["major", "minor"]

TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PENTATONIC: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10)}
KEY_NAMES = tuple(f"{tonic} {mode}" for tonic in TONICS for mode in ("major", "minor"))

_NUMERALS = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_CHORD = re.compile(r"(?P<flat>b?)(?P<numeral>[ivIV]+)(?P<suffix>[a-z0-9°ø]*)(?:/(?P<of_flat>b?)(?P<of>[ivIV]+))?")
_EXTENSIONS = {
    "": (),
    "maj7": (11,),
    "maj9": (11, 14),
    "m7": (10,),
    "7": (10,),
    "9": (10, 14),
    "11": (10, 14, 17),
    "13": (10, 14, 21),
    "7b9": (10, 13),
    "6": (9,),
    "69": (9, 14),
    "add9": (14,),
}
_REPLACED_TRIADS = {
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "5": (0, 7),
    "°": (0, 3, 6),
    "°7": (0, 3, 6, 9),
    "ø7": (0, 3, 6, 10),
}


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0 to 11) and a mode."""

    tonic: int
    mode: Mode

    @classmethod
    def named(cls, name: str) -> Key:
        """Return the key called e.g. "A minor" or "F# major"."""
        if name not in KEY_NAMES:
            raise ValueError(f"key is {name!r}; allowed is one of {', '.join(KEY_NAMES)}")
        tonic, mode = name.split(" ")
        return cls(TONICS.index(tonic), "major" if mode == "major" else "minor")

    @property
    def name(self) -> str:
        return f"{TONICS[self.tonic]} {self.mode}"

    @property
    def relative(self) -> Key:
        """Return the key with the same notes in the other mode."""
        if self.mode == "major":
            return Key((self.tonic + 9) % 12, "minor")
        return Key((self.tonic + 3) % 12, "major")


@dataclass(frozen=True)
class Chord:
    """A chord as the root's pitch class and intervals in semitones above it."""

    symbol: str
    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple((self.root + interval) % 12 for interval in self.intervals)


def chord(key: Key, symbol: str) -> Chord:
    """Return the chord of a Roman numeral: upper case is major, lower case minor; ``bII`` lowers the root.

    ``V7/ii`` is the V7 of ii. The degrees are those of the key's own scale, so VII in A minor is G major.
    """
    match = _CHORD.fullmatch(symbol)
    if match is None or not {match["numeral"].lower(), (match["of"] or "i").lower()} <= set(_NUMERALS):
        raise ValueError(f"{symbol!r} is not a chord; allowed are numerals such as i, VI, V7, IVmaj7, bII, i5, V7/ii")
    numeral, suffix = match["numeral"], match["suffix"]
    if suffix not in _EXTENSIONS and suffix not in _REPLACED_TRIADS:
        raise ValueError(f"{symbol!r} is not a chord; allowed after a numeral is one of {', '.join(_SUFFIXES)}")
    degrees, root = SCALES[key.mode], key.tonic
    if match["of"]:
        root += degrees[_NUMERALS[match["of"].lower()]] - len(match["of_flat"])
        degrees = SCALES["major"]
    root += degrees[_NUMERALS[numeral.lower()]] - len(match["flat"])
    if suffix in _REPLACED_TRIADS:
        intervals: tuple[int, ...] = _REPLACED_TRIADS[suffix]
    else:
        intervals = (0, 4 if numeral.isupper() else 3, 7, *_EXTENSIONS[suffix])
    return Chord(symbol, root % 12, intervals)


_SUFFIXES = (*filter(None, _EXTENSIONS), *_REPLACED_TRIADS)


def scale_pitches(key: Key, harmony: Chord, low: int, high: int, *, pentatonic: bool = False) -> list[int]:
    """Return the pitches in [low, high] that a melody may use over a chord, ascending.

    Notes of the chord belong to it; a scale note a semitone beside a chord note foreign to the key gives way to it.
    """
    scale = {(key.tonic + step) % 12 for step in (PENTATONIC if pentatonic else SCALES)[key.mode]}
    chord_notes = set(harmony.pitch_classes)
    diatonic = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    foreign = chord_notes - diatonic
    usable = (scale - {(note + step) % 12 for note in foreign for step in (-1, 1)}) | chord_notes
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in usable]


HIGHEST_CHORD = 90
LOWEST_SECOND = 55  # below it two neighbouring notes are mud
Voicing = Literal["close", "open", "rootless"]


def voice_lead(
    harmony: Chord, previous: Sequence[int], centre: int, voices: int, voicing: Voicing = "close"
) -> list[int]:
    """Return the chord as `voices` ascending pitches near `centre`, with the least movement from `previous`.

    An open voicing has its second note from the top an octave lower; a rootless one leaves the root to the bass
    where a seventh says what chord it is.
    """
    if voicing == "rootless" and len(harmony.intervals) > 3:
        harmony = Chord(harmony.symbol, harmony.root, harmony.intervals[1:])
    classes = [harmony.pitch_classes[index % len(harmony.pitch_classes)] for index in range(voices)]
    if len(harmony.pitch_classes) > voices:  # the fifth says least
        classes = [
            pitch for pitch, interval in zip(harmony.pitch_classes, harmony.intervals, strict=True) if interval != 7
        ]
        classes = classes[:voices]

    def cost(pitches: Sequence[int]) -> float:
        away = abs(sum(pitches) / len(pitches) - centre)
        moved = sum(abs(a - b) for a, b in zip(pitches, previous, strict=False)) if previous else 0
        pairs = list(pairwise(pitches))
        muddy = sum(b - a < 3 and a < LOWEST_SECOND for a, b in pairs) + (pairs[0][1] - pairs[0][0] < 3)
        return moved + 1.5 * away + 5 * muddy + max(0.0, max(pitches) - centre - 16) * 3

    inversions = [classes[turn:] + classes[:turn] for turn in range(len(classes))]
    places = [(inversion, low) for inversion in inversions for low in range(centre - 12, centre + 6)]
    stacks = (_stack_thirds(inversion, low) for inversion, low in places if low % 12 == inversion[0])
    if voicing == "open":
        stacks = (sorted([*stack[:-2], stack[-2] - 12, stack[-1]]) for stack in stacks)
    best = min(stacks, key=cost)
    return [pitch - 12 for pitch in best] if best[-1] > HIGHEST_CHORD else best


def nearest(pitches: Sequence[int], target: float) -> int:
    """Return the pitch of a non-empty sequence that lies nearest to `target`; the lower of two."""
    return min(pitches, key=lambda pitch: (abs(pitch - target), pitch))


def _stack_thirds(classes: Sequence[int], start: int) -> list[int]:
    pitches = [start]
    for pitch_class in classes[1:]:
        pitches.append(pitches[-1] + ((pitch_class - pitches[-1]) % 12 or 12))
    return pitches
