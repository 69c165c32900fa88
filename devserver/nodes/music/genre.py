"""What makes a genre: grooves, bass lines, comping, progressions, a melody's rules, voices and mixing targets.

Patterns are written on a grid of sixteenth notes, 16 characters to a bar; longer ones repeat after their length.
Drums: a digit is a hit (9 the loudest), ``.`` a rest. Bass: ``R`` is the root, ``3 5 7`` are notes of the chord,
``8`` is the octave, ``-`` holds, ``.`` rests. Chords: a digit strikes, ``-`` holds, ``.`` rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .song import Part
from .theory import Mode

Lanes = Mapping[str, str]


@dataclass(frozen=True)
class Melody:
    """Rules of a lead line: its range in MIDI pitches, motif rhythms (a bar each, as chord patterns), and its ways."""

    low: int
    high: int
    rhythms: tuple[str, ...]
    leap: float = 0.25  # how often the line leaps to a chord note where it could step
    pentatonic: bool = False
    min_energy: float = 0.5


@dataclass(frozen=True)
class Levels:
    """Loudness of the stems before mastering in LUFS, depth of ducking under the kick (0 to 1), send levels."""

    drums: float = -17.0
    bass: float = -19.0
    chords: float = -21.0
    lead: float = -21.0
    duck: float = 0.5
    reverb: float = 0.2
    reverb_seconds: float = 1.6
    echo: float = 0.2

    def of(self, part: Part) -> float:
        return {"drums": self.drums, "bass": self.bass, "chords": self.chords, "lead": self.lead}[part]


@dataclass(frozen=True)
class Genre:
    """One row of the table. Grooves and bass lines apply from their energy (0 to 1) upwards; grooves add up."""

    words: tuple[str, ...]
    bpm: float
    mode: Mode
    grooves: tuple[tuple[float, Lanes], ...]
    fills: tuple[Lanes, ...]
    bass: tuple[tuple[float, str], ...]
    comping: tuple[tuple[float, str], ...]
    progressions: Mapping[Mode, tuple[str, ...]]
    melody: Melody
    voices: Mapping[Part, str]
    levels: Levels
    swing: float = 0.0  # delay of every second sixteenth, as a share of a sixteenth
    crash: bool = True  # a cymbal opens each energetic section
    bars_per_chord: int = 1
    chord_style: Literal["block", "strum", "arpeggio"] = "block"
    chord_voices: int = 4
    chord_centre: int = 60
    human_seconds: float = 0.002
    intro: tuple[Part, ...] = ("chords", "drums")
