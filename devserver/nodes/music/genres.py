"""What makes a genre: one table of grooves, bass lines, progressions, voices and mixing targets.

Patterns are written on a grid of sixteenth notes, 16 characters to a bar; longer ones repeat after their length.
Drums: a digit is a hit (9 the loudest), ``.`` a rest. Bass: ``R`` the root, ``3 5 7`` notes of the chord, ``8`` the octave,
``-`` holds, ``.`` rests. Chords: a digit strikes, ``-`` holds, ``.`` rests.
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


SNARE_RUN: Lanes = {"snare": "............4579"}
TOM_RUN: Lanes = {"snare": "........7.......", "tom_high": "..........88....", "tom_mid": "............88..", "tom_low": "..............89"}
CLAP_RUN: Lanes = {"clap": "..........5.6.79"}
HAT_ROLL: Lanes = {"hat": "........56565678"}
NO_FILL: Lanes = {}

GENRES: dict[str, Genre] = {
    "drum and bass": Genre(
        words=("drum and bass", "drum & bass", "drum'n'bass", "drum n bass", "drum 'n' bass", "dnb", "d&b", "jungle", "breakbeat"),
        bpm=174,
        mode="minor",
        grooves=(
            (0.1, {"hat": "5...4...5...4..."}),
            (0.35, {"kick": "9.........8.....", "snare": "....9.......9..."}),
            (0.55, {"hat": "6.4.6.4.6.4.6.4."}),
            (0.75, {"snare": "....9..3.2..9..2....9..2.3..9.32", "shaker": "2323232323232323", "kick": "9.........8.....9.......4.8....."}),
            (0.9, {"ride": "5...5...5...5..."}),
        ),
        fills=(SNARE_RUN, {"snare": "........6.5.7679", "kick": "9..5...........5"}, TOM_RUN),
        bass=(
            (0.3, "R---------------"),
            (0.5, "R-----R---8---5-"),
            (0.5, "R-------..R-5---"),
            (0.8, "R--R--R-..8-R-5-R-----R---5-7-8-"),
            (0.8, "R-----8-R---5---"),
        ),
        comping=((0.0, "6---------------"), (0.8, "7-----6-----5---")),
        progressions={
            "minor": ("i9 i9 VImaj7 VImaj7", "i VI III VII", "i7 iv7 VImaj7 v7", "i VImaj7 i VII"),
            "major": ("Iadd9 V vi7 IVmaj7", "vi7 IVmaj7 I V", "IVmaj7 V vi7 I"),
        },
        melody=Melody(64, 84, ("5--6--5-5---....", "6-----5---4---..", "..5-6-5---6-5---", "6---....5-4-5---"), leap=0.35),
        voices={"drums": "breaks", "bass": "reese", "chords": "pad", "lead": "square_lead"},
        levels=Levels(drums=-16.5, bass=-18.5, chords=-21, lead=-21, duck=0.5, reverb=0.18, echo=0.25),
        bars_per_chord=2,
    ),
    "techno": Genre(
        words=("techno", "acid", "minimal techno", "industrial", "tekno", "rave", "minimal"),
        bpm=130,
        mode="minor",
        grooves=(
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"shaker": "3232323232323232"}),
            (0.4, {"open_hat": "..6...6...6...6."}),
            (0.65, {"clap": "....7.......7...", "hat": "5.3.5.3.5.3.5.3."}),
            (0.85, {"ride": "..5...5...5...5.", "rim": "...4..4....4..4."}),
        ),
        fills=(CLAP_RUN, HAT_ROLL, {"tom_low": "......7..7..7.7.", "tom_mid": "........6..6...."}),
        bass=(
            (0.2, "..R...R...R...R."),
            (0.5, ".RRR.RRR.RRR.RR8"),
            (0.5, "..RR..R8..RR..8R"),
            (0.8, "RR8R.RR8R7RR.R8R"),
        ),
        comping=((0.0, "...6......6....."), (0.6, "...7..6...7....."), (0.6, "6..6..6...6..6..")),
        progressions={
            "minor": ("i7 i7 i7 VImaj7", "i7 i7 iv7 i7", "i9 i9 VImaj7 v7", "i7 VII VImaj7 i7"),
            "major": ("I9 I9 IVmaj7 I9", "I vi7 I IV"),
        },
        melody=Melody(60, 79, ("6..6..6...6.....", "6.6...6..6......", "..6...6...6..6..", "6..5..6..5..6.6."), leap=0.45, pentatonic=True, min_energy=0.6),
        voices={"drums": "nine", "bass": "acid", "chords": "stab", "lead": "pluck"},
        levels=Levels(drums=-16, bass=-19, chords=-22, lead=-22, duck=0.6, reverb=0.22, reverb_seconds=2.0, echo=0.35),
        bars_per_chord=2,
        intro=("drums", "bass"),
    ),
    "house": Genre(
        words=("house", "deep house", "disco", "nu disco", "garage", "french house", "dance", "edm"),
        bpm=124,
        mode="minor",
        grooves=(
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"open_hat": "..6...6...6...6."}),
            (0.45, {"clap": "....8.......8..."}),
            (0.65, {"hat": "4.3.4.3.4.344.3.", "shaker": "2132213221322132"}),
            (0.85, {"rim": "...4..4...4..4..", "open_hat": "..7...7...7...7."}),
        ),
        fills=(CLAP_RUN, {"snare": "........5.5.6567"}, {"clap": "....8..6..6.8.68"}),
        bass=(
            (0.2, "R---....R---...."),
            (0.5, "..R-..R-..R-..8-"),
            (0.5, "R..R..8-..R-5-7-"),
            (0.8, "R-.R8-.RR-.58-7-"),
        ),
        comping=((0.0, "6---------------"), (0.4, "..6-..6-..6-..6-"), (0.6, "7--6--6---7--6--"), (0.6, "6-..6-..6-.6-..6")),
        progressions={
            "minor": ("i9 iv9 VImaj7 v7", "i7 VImaj7 IIImaj7 VII", "VImaj7 VII i7 i7", "iv9 v7 i9 i9"),
            "major": ("Imaj7 vi9 ii9 V7", "IVmaj7 iii7 vi9 Imaj7", "Imaj7 iii7 IVmaj7 V"),
        },
        melody=Melody(64, 84, ("..6-6---5-6-....", "6--6--5---......", "6-5-..5-6---....", "..5-..6-..6-5---"), leap=0.3, pentatonic=True),
        voices={"drums": "nine", "bass": "round_bass", "chords": "organ", "lead": "epiano"},
        levels=Levels(drums=-16.5, bass=-19, chords=-20.5, lead=-21, duck=0.6, reverb=0.2, echo=0.22),
        swing=0.14,
        intro=("drums", "chords"),
    ),
    "trap": Genre(
        words=("trap", "drill", "808", "phonk", "rap", "cloud rap"),
        bpm=142,
        mode="minor",
        grooves=(
            (0.1, {"hat": "6...5...6...5..."}),
            (0.35, {"snare": "........9.......", "kick": "9.....7........."}),
            (0.5, {"hat": "6.5.6.5.6.5.6.5."}),
            (0.65, {"kick": "9.....7.......8.9.........7.....", "clap": "........7......."}),
            (0.8, {"hat": "6.5.6.5.6.5.66666.5.665.6.5.6565", "open_hat": "..............5.", "rim": ".....3.....3...."}),
        ),
        fills=({"hat": "6666666666667789"}, {"snare": "........9...6.79"}, {"tom_low": "..........7..7.7"}),
        bass=(
            (0.25, "R-------..R-----"),
            (0.5, "R-----R-......R-"),
            (0.6, "R-----5-....R-8-R---------7-R---"),
            (0.8, "R--R--R-....8-R-"),
        ),
        comping=((0.0, "6---------------"), (0.6, "6-----6---......")),
        progressions={
            "minor": ("i i VI V7", "i VI iv V", "i bII i v", "i iv VI VII"),
            "major": ("I vi IV V", "vi IV I V"),
        },
        melody=Melody(67, 86, ("6---5-6---....5-", "6-6-6---5---....", "..6-5---6-5-4---", "6-----......5-5-"), leap=0.3, pentatonic=True, min_energy=0.1),
        voices={"drums": "eight", "bass": "sub808", "chords": "pad", "lead": "bell"},
        levels=Levels(drums=-17, bass=-18, chords=-22, lead=-20.5, duck=0.35, reverb=0.25, reverb_seconds=2.2, echo=0.2),
        intro=("chords", "lead", "drums"),
    ),
    "lo-fi hip hop": Genre(
        words=("lo-fi hip hop", "lofi hip hop", "lo-fi", "lofi", "lo fi", "chillhop", "hip hop", "hip-hop", "boom bap", "jazzhop", "jazz"),
        bpm=76,
        mode="minor",
        grooves=(
            (0.1, {"hat": "5...4...5...4..."}),
            (0.35, {"kick": "9.........7.....", "snare": "....8.......8..."}),
            (0.55, {"hat": "6.4.6.4.6.4.6.4.", "kick": "9......4..8....."}),
            (0.75, {"snare": "....8..2....8.2.", "rim": "..............3.", "kick": "9......4..8.....9..4....8.8....."}),
            (0.9, {"shaker": "..3...3...3...3."}),
        ),
        fills=({"snare": "....8.......8.56"}, {"kick": "9.....5.8..5....", "open_hat": "..............6."}, NO_FILL),
        bass=(
            (0.2, "R-----......5---"),
            (0.5, "R-----..R---5---"),
            (0.5, "R---..R-..R-5-7-"),
            (0.8, "R--R..5-R---8-5-"),
        ),
        comping=((0.0, "6-------5-------"), (0.4, "6-----5---------"), (0.6, "6---..5---6-----")),
        progressions={
            "minor": ("i9 iv9 VImaj7 v7", "iv9 VII IIImaj7 VImaj7", "i9 VImaj7 iv9 v7", "VImaj7 v7 i9 i9"),
            "major": ("ii9 V7 Imaj7 vi7", "Imaj7 vi9 ii9 V7", "IVmaj7 iii7 ii9 Imaj7", "Imaj7 iii7 vi9 IVmaj7"),
        },
        melody=Melody(67, 84, ("..5-6---5-......", "5---..5-4-5-....", "6-5---....4-5---", "..6---5-........"), leap=0.3, pentatonic=True),
        voices={"drums": "dusty", "bass": "finger_bass", "chords": "epiano", "lead": "bell"},
        levels=Levels(drums=-17.5, bass=-19.5, chords=-19, lead=-21.5, duck=0.25, reverb=0.16, reverb_seconds=1.2, echo=0.15),
        swing=0.3,
        crash=False,
        chord_style="strum",
        chord_centre=58,
        human_seconds=0.004,
        intro=("chords",),
    ),
    "synthwave": Genre(
        words=("synthwave", "retrowave", "outrun", "80s", "80er", "eighties", "vaporwave", "new wave", "synth-pop", "synthpop", "pop"),
        bpm=104,
        mode="minor",
        grooves=(
            (0.1, {"hat": "5.4.5.4.5.4.5.4."}),
            (0.35, {"kick": "9.......9.......", "snare": "....9.......9..."}),
            (0.65, {"kick": "9.....7.9.......", "hat": "6464646464646464"}),
            (0.85, {"open_hat": "..............6.", "tom_mid": "..........4....."}),
        ),
        fills=(TOM_RUN, {"tom_high": "........8.8.....", "tom_low": "............8.89"}, SNARE_RUN),
        bass=(
            (0.2, "R-R-R-R-R-R-R-R-"),
            (0.5, "RRRRRRRRRRRRRRRR"),
            (0.5, "R.RRR.RRR.RRR.R8"),
            (0.8, "RR8RRR8RRR8RRR85"),
        ),
        comping=((0.0, "6---------------"), (0.8, "7-------6-----6-")),
        progressions={
            "minor": ("i VI III VII", "VI VII i i", "i VII VI VII", "i III VII iv"),
            "major": ("I V vi IV", "vi IV I V", "I iii IV V"),
        },
        melody=Melody(64, 84, ("6-----5---6-----", "6---5---6-5-----", "..6-6-5-6-------", "6--5--6-----5---"), leap=0.25),
        voices={"drums": "gated", "bass": "saw_bass", "chords": "strings", "lead": "saw_lead"},
        levels=Levels(drums=-16.5, bass=-19, chords=-20.5, lead=-20.5, duck=0.4, reverb=0.24, reverb_seconds=2.2, echo=0.28),
        intro=("chords", "bass"),
    ),
    "ambient": Genre(
        words=("ambient", "drone", "meditation", "soundscape", "atmospheric", "new age", "sphärisch", "entspannungsmusik", "spa", "sleep"),
        bpm=72,
        mode="major",
        grooves=(
            (0.3, {"shaker": "3...2...3...2..."}),
            (0.6, {"kick": "6.......4.......", "shaker": "3.2.3.2.3.2.3.2."}),
            (0.8, {"rim": "....3.......3..."}),
        ),
        fills=(NO_FILL,),
        bass=((0.2, "R---------------"), (0.6, "R-------5-------"), (0.8, "R-----5-8-------")),
        comping=((0.0, "5---------------"),),
        progressions={
            "minor": ("iadd9 VImaj7 IIImaj7 VII", "i9 iv9 VImaj7 iadd9", "iadd9 VII VImaj7 iv9"),
            "major": ("Iadd9 IVmaj7 vi9 IVmaj7", "Imaj7 iii7 IVmaj7 Iadd9", "Iadd9 ii9 IVmaj7 Imaj7"),
        },
        melody=Melody(67, 88, ("5-------....4---", "....5-----4-----", "5---4---....5---", "..4-----5-------"), leap=0.4, pentatonic=True, min_energy=0.2),
        voices={"drums": "soft", "bass": "sub", "chords": "pad", "lead": "bell"},
        levels=Levels(drums=-27, bass=-21, chords=-18, lead=-20.5, duck=0.1, reverb=0.5, reverb_seconds=4.0, echo=0.35),
        crash=False,
        chord_voices=5,
        chord_centre=58,
        human_seconds=0.006,
        intro=("chords",),
    ),
    "rock": Genre(
        words=("rock", "metal", "punk", "indie", "grunge", "hard rock", "indie rock", "rock'n'roll", "blues", "country", "folk"),
        bpm=122,
        mode="minor",
        grooves=(
            (0.1, {"hat": "7.5.7.5.7.5.7.5."}),
            (0.35, {"kick": "9.......8.......", "snare": "....9.......9..."}),
            (0.6, {"kick": "9.....6.8.8.....9.....6.8....6.."}),
            (0.9, {"ride": "8...6...8...6...", "kick": "9.9...6.8.8.....9.9...6.8....69."}),
        ),
        fills=(TOM_RUN, {"snare": "........77777789"}, {"snare": "....9...8.8.....", "tom_low": "............8989"}),
        bass=(
            (0.2, "R-------R-------"),
            (0.5, "R-R-R-R-R-R-R-R-"),
            (0.5, "R--RR-R-R--RR-5-"),
            (0.8, "R-R-R-RRR-R-5-7-"),
        ),
        comping=((0.0, "7---------------"), (0.5, "7-6-7-6-7-6-7-6-"), (0.5, "8--8--8-8---6-6-"), (0.85, "8---7-8---7-8-7-")),
        progressions={
            "minor": ("i5 VI5 III5 VII5", "i5 VII5 VI5 VII5", "i5 iv5 VI5 VII5", "i5 III5 VII5 iv5"),
            "major": ("I5 V5 vi5 IV5", "I5 IV5 I5 V5", "I5 vi5 IV5 V5"),
        },
        melody=Melody(64, 83, ("6---5-6-6-5-6---", "6-----5-6-5-....", "..6-6-6-5-6-----", "6-6---5-6-------"), leap=0.3, pentatonic=True),
        voices={"drums": "rock", "bass": "pick_bass", "chords": "power", "lead": "lead_guitar"},
        levels=Levels(drums=-16, bass=-19.5, chords=-19.5, lead=-21, duck=0.15, reverb=0.14, reverb_seconds=1.2, echo=0.18),
        chord_voices=3,
        chord_centre=52,
        human_seconds=0.003,
        intro=("drums", "chords"),
    ),
}
