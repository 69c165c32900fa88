"""The rules of a genre: grooves, bass lines, comping, progressions, a melody's rules, form, voices and mixing targets.

Patterns are written on a grid of sixteenth notes, 16 characters to a bar of 4/4 and 12 to one of 3/4; longer ones
repeat after their length. Drums: a digit is a hit (9 the loudest), ``.`` a rest. Bass: ``R`` is the root, ``3 5 7`` are
notes of the chord, ``8`` is the octave, ``A`` leads to the next chord's root; chords: a digit strikes; in both ``-``
holds and ``.`` rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .song import Part
from .theory import Mode, Voicing

Lanes = Mapping[str, str]
Groove = tuple[tuple[float, Lanes], ...]
Form = Literal["song", "club", "arc", "jazz"]
ChordStyle = Literal["block", "strum", "arpeggio", "bloom"]  # in a bloom the notes come in one after another
Bed = Literal["crackle", "hiss", "rain", "waves", "wind"]


@dataclass(frozen=True)
class Melody:
    """Rules of a lead line: its range in MIDI pitches, motif rhythms (a bar each, as chord patterns), and its ways."""

    low: int
    high: int
    rhythms: tuple[str, ...]
    leap: float = 0.25  # how often the line leaps to a chord note where it could step
    pentatonic: bool = False
    chromatic: float = 0.0  # how often a short note slides into the next from a semitone beside it
    min_energy: float = 0.5
    sparse: bool = False  # answers its own phrases with silence, also in a chorus


@dataclass(frozen=True)
class Layer:
    """A further voice of a part, from an energy upwards. Without a pattern, a layer of the lead doubles it."""

    part: Part
    voice: str
    pattern: str = ""
    style: ChordStyle = "block"
    min_energy: float = 0.0
    octave: int = 0
    gain_db: float = -4.0
    voices: int = 3


@dataclass(frozen=True)
class Levels:
    """Loudness of the stems before mastering in LUFS, depth of ducking under the kick (0 to 1), send levels, and what
    a text may ask beyond them.

    `width` scales the sides of all stems but the bass (0 is mono), `tilt_db` is a shelf above 4 kHz on the mix, `drive`
    (0 to 1) saturates it, `crush_bits` (0: not) coarsens it, `beds` are sounds under all of it.
    """

    drums: float = -17.0
    bass: float = -19.0
    chords: float = -21.0
    lead: float = -21.0
    duck: float = 0.5
    reverb: float = 0.2
    reverb_seconds: float = 1.6
    echo: float = 0.2
    width: float = 1.0
    tilt_db: float = 0.0
    drive: float = 0.0
    crush_bits: int = 0
    beds: tuple[Bed, ...] = ()
    fade_in_seconds: float = 0.0
    fade_out_seconds: float = 0.0  # beside the short one that every piece has

    def of(self, part: Part) -> float:
        return {"drums": self.drums, "bass": self.bass, "chords": self.chords, "lead": self.lead}[part]


@dataclass(frozen=True)
class Genre:
    """One row of the table. Lanes and lines apply from their energy (0 to 1) upwards; the lanes of a groove add up.

    A piece takes one of the `grooves`, and from each other list what its seed says.
    """

    words: tuple[str, ...]
    bpm: float
    bpm_range: tuple[float, float]
    mode: Mode
    form: Form
    grooves: tuple[Groove, ...]
    fills: tuple[Lanes, ...]
    bass: tuple[tuple[float, str], ...]
    comping: tuple[tuple[float, str], ...]
    progressions: Mapping[Mode, tuple[str, ...]]
    melody: Melody
    voices: Mapping[Part, str]
    levels: Levels
    layers: tuple[Layer, ...] = ()
    beats_per_bar: Literal[3, 4] = 4
    walking_bass: bool = False  # from a verse's energy on, whatever the lines say
    swing: float = 0.0  # delay of every second swung note, as a share of one
    swung_eighths: bool = False
    crash: bool = True  # a cymbal opens each energetic section
    builds: Literal["rolls", "swells", "none"] = "rolls"  # how a section leads to a higher one
    density: float = 0.0  # added to the energy where patterns are chosen by it
    pulse: Literal["", "half", "double", "floor"] = ""  # the beat at half or double pace, or four to the floor
    note_length: float = 1.0  # of chords and lead, against what is written
    filtered: bool = False  # the chords' filter opens and closes from section to section
    colours: Literal["plain", "open", "sevenths", "power"] = "open"  # what its plain triads may become
    cadences_in_ten: int = 6  # so many of ten sections lead into the next with a chord of their own
    loose: float = 0.6  # how far a piece's own patterns go from those written here (0 to 1)
    grain: int = 0  # the sixteenths by which chords and bass move in its own patterns; 0: as fine as those written here
    own_time: bool = False  # cymbals may keep time in other ways than those written here
    rides: tuple[str, ...] = ()  # other ways for the ride cymbal
    other_bass: str = "8857"  # what the bass may play in place of a root
    ghosts: float = 0.0  # how often a free sixteenth gets a faint hit of the snare
    ratchets: float = 0.0  # how often a hi-hat is split into two or three
    bars_per_chord: int = 1
    chord_style: ChordStyle = "block"
    chord_voices: int = 4
    chord_centre: int = 60
    voicing: Voicing = "close"
    bass_low: int = 28  # E of a bass guitar
    human_seconds: float = 0.002
    late_seconds: Mapping[Part, float] = field(default_factory=dict)  # who plays behind the beat; negative is before it
    intro: tuple[Part, ...] = ("chords", "drums")
