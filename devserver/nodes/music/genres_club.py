"""Genres of the dance floor."""

from __future__ import annotations

from .fills import CLAP_RUN, HAT_ROLL, SNARE_RUN, TOM_RUN
from .genre import Genre, Layer, Levels, Melody

DRUM_AND_BASS = Genre(
    words=(
        *("drum and bass", "drum & bass", "drum'n'bass", "drum n bass", "drum 'n' bass"),
        *("dnb", "d&b", "jungle", "breakbeat"),
    ),
    bpm=174,
    bpm_range=(160, 182),
    mode="minor",
    own_time=True,
    form="club",
    colours="sevenths",
    cadences_in_ten=3,
    grooves=(
        (
            (0.1, {"hat": "5...4...5...4..."}),
            (0.35, {"kick": "9.........8.....", "snare": "....9.......9..."}),
            (0.5, {"hat": "6.4.6.4.6.4.6.4."}),
            (
                0.75,
                {
                    "snare": "....9..3.2..9..2....9..2.3..9.32",
                    "shaker": "2323232323232323",
                    "kick": "9.........8.....9.......4.8.....",
                },
            ),
            (0.9, {"ride": "5...5...5...5..."}),
        ),
        (
            (0.1, {"shaker": "3.2.3.2.3.2.3.2."}),
            (0.35, {"kick": "9.....8...8.....", "snare": "....9.......9..."}),
            (0.5, {"hat": "6.6.5.6.6.6.5.6."}),
            (
                0.75,
                {
                    "snare": "....9..4..4.9..3....9..4.4..9..4",
                    "kick": "9.8.......8.....9.8.......88....",
                    "ride": "6...5...6...5...",
                },
            ),
        ),
        (
            (0.1, {"hat": "4.4.5.4.4.4.5.4."}),
            (0.35, {"kick": "9...............9.........8.....", "snare": "........9......."}),
            (0.5, {"kick": "9.........8.....", "snare": "....9.......9...", "rim": "..3....3..3....3"}),
            (0.75, {"hat": "6.5.6.566.5.6.56", "snare": "....9.2...2.9.2.", "open_hat": "......5.......5."}),
            (0.9, {"shaker": "3232323232323232"}),
        ),
    ),
    fills=(
        SNARE_RUN,
        {"snare": "........6.5.7679", "kick": "9..5...........5"},
        TOM_RUN,
        {"snare": "....9..6..6.6699"},
    ),
    bass=(
        (0.3, "R---------------"),
        (0.5, "R-----R---8---5-"),
        (0.5, "R-------..R-5-A-"),
        (0.8, "R--R--R-..8-R-5-R-----R---5-7-8-"),
        (0.8, "R-----8-R---5-A-"),
        (0.8, "R---..R-R-..8-7-R---..5-R-..3-A-"),
    ),
    comping=((0.0, "6---------------"), (0.8, "7-----6-----5---"), (0.8, "6-......6---..5-")),
    progressions={
        "minor": ("i9 i9 VImaj7 VImaj7", "i VI III VII", "i7 iv7 VImaj7 v7", "i VImaj7 i VII", "i9 IIImaj7 iv9 VI"),
        "major": ("Iadd9 V vi7 IVmaj7", "vi7 IVmaj7 I V", "IVmaj7 V vi7 I"),
    },
    melody=Melody(
        64,
        84,
        ("5--6--5-5---....", "6-----5---4---..", "..5-6-5---6-5---", "6---....5-4-5---", "5-5-..6---5-...."),
        leap=0.35,
        sparse=True,
    ),
    voices={"drums": "breaks", "bass": "reese", "chords": "pad", "lead": "square_lead"},
    layers=(
        Layer("bass", "sub", "R---------------", min_energy=2.0),
        Layer("chords", "pluck", "4..4..4.4..4..4.", "arpeggio", 0.85, 1, -4.0),
    ),
    levels=Levels(drums=-16.5, bass=-19, chords=-20.5, lead=-21, duck=0.5, reverb=0.18, echo=0.25),
    ghosts=0.03,
    bars_per_chord=2,
)

TECHNO = Genre(
    words=("techno", "acid", "minimal techno", "industrial", "tekno", "rave", "minimal"),
    bpm=130,
    bpm_range=(122, 150),
    mode="minor",
    own_time=True,
    form="club",
    colours="sevenths",
    cadences_in_ten=0,
    grooves=(
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"shaker": "3232323232323232"}),
            (0.4, {"open_hat": "..6...6...6...6."}),
            (0.65, {"clap": "....7.......7...", "hat": "5.3.5.3.5.3.5.3."}),
            (0.85, {"ride": "..5...5...5...5.", "rim": "...4..4....4..4."}),
        ),
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"hat": "..5...5...5...5."}),
            (0.5, {"tom_low": "...5..5....5..4.", "shaker": "2.322.322.322.32"}),
            (0.7, {"rim": "..5..5..5..5..5.", "open_hat": "..6...6...6...6."}),
            (0.9, {"clap": "....8.......8..3", "hat": "4444444444444444"}),
        ),
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"hat": "3343334333433343"}),
            (0.5, {"snare": "....5.......5...", "rim": "......4..4....4."}),
            (0.7, {"open_hat": "..7...7...7...7.", "bongo_high": "4..4....4..4..4."}),
            (0.9, {"kick": "9...9...9...9.4.", "ride": "5.5.5.5.5.5.5.5."}),
        ),
    ),
    fills=(
        CLAP_RUN,
        HAT_ROLL,
        {"tom_low": "......7..7..7.7.", "tom_mid": "........6..6...."},
        {"kick": "9...9...9......."},
    ),
    bass=(
        (0.2, "..R...R...R...R."),
        (0.5, ".RRR.RRR.RRR.R58"),
        (0.5, "..RR..R8..RR..8R"),
        (0.8, "RR8R.RR8R7RR.R8R"),
        (0.8, ".R8R.R5R.R8R.73R"),
        (0.8, "R.RR5.RRR.R78.R5"),
    ),
    comping=(
        (0.0, "...6......6....."),
        (0.6, "...7..6...7....."),
        (0.6, "6..6..6...6..6.."),
        (0.6, "..6...6..6....6."),
    ),
    progressions={
        "minor": ("i7 i7 i7 VImaj7", "i7 i7 iv7 i7", "i9 i9 VImaj7 v7", "i7 iv7 VImaj7 v7", "i9 i9 VII i9"),
        "major": ("I9 I9 IVmaj7 I9", "I vi7 I IV", "Iadd9 IVmaj7 Iadd9 vi7"),
    },
    melody=Melody(
        60,
        79,
        ("6..6..6...6.....", "6.6...6..6......", "..6...6...6..6..", "6..5..6..5..6.6.", "..6..6....6..6.."),
        leap=0.45,
        pentatonic=True,
        min_energy=0.6,
        sparse=True,
    ),
    voices={"drums": "nine", "bass": "acid", "chords": "stab", "lead": "pluck"},
    layers=(
        Layer("chords", "pad", "5---------------", min_energy=0.3, gain_db=-5.0, voices=4),
        Layer("chords", "pluck", "3.33.33.33.33.33", "arpeggio", 0.9, 1, -9.0),
    ),
    levels=Levels(drums=-16, bass=-19, chords=-21, lead=-22, duck=0.6, reverb=0.22, reverb_seconds=2.0, echo=0.35),
    bars_per_chord=2,
    intro=("drums", "bass"),
)

HOUSE = Genre(
    words=("house", "deep house", "disco", "nu disco", "garage", "french house", "dance", "edm"),
    bpm=124,
    bpm_range=(116, 130),
    mode="minor",
    own_time=True,
    form="club",
    colours="sevenths",
    cadences_in_ten=3,
    grooves=(
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"open_hat": "..6...6...6...6."}),
            (0.45, {"clap": "....8.......8..."}),
            (0.65, {"hat": "4.3.4.3.4.344.3.", "shaker": "2132213221322132"}),
            (0.85, {"rim": "...4..4...4..4..", "open_hat": "..7...7...7...7."}),
        ),
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"shaker": "3.4.3.4.3.4.3.4."}),
            (0.45, {"snare": "....7.......7...", "open_hat": "..6...6...6...6."}),
            (0.65, {"bongo_high": "..5..5....5..5.4", "bongo_low": "5...4..55...4..."}),
            (0.85, {"clap": "....8.......8...", "ride": "5.4.5.4.5.4.5.4."}),
        ),
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.3, {"hat": "..5...5...5..45."}),
            (0.45, {"clap": "....8.......8.3."}),
            (0.65, {"rim": "4..4..4....4..4.", "open_hat": "..6...6...6...6."}),
            (0.85, {"kick": "9...9...9...9..6", "shaker": "3233323332333233"}),
        ),
    ),
    fills=(
        CLAP_RUN,
        {"snare": "........5.5.6567"},
        {"clap": "....8..6..6.8.68"},
        {"bongo_high": "........6.66..66"},
    ),
    bass=(
        (0.2, "R---....R---...."),
        (0.5, "..R-..R-..R-..8-"),
        (0.5, "R..R..8-..R-5-7-"),
        (0.5, "R-..3-..5-..8-A-"),
        (0.8, "R-.R8-.RR-.58-7-"),
        (0.8, "R.8.R.8.R.8.5.A."),
        (0.8, "..R8..R8..R5..8A"),
    ),
    comping=(
        (0.0, "6---------------"),
        (0.4, "..6-..6-..6-..6-"),
        (0.6, "7--6--6---7--6--"),
        (0.6, "6-..6-..6-.6-..6"),
        (0.6, "..7-.6....7-.6.."),
    ),
    progressions={
        "minor": ("i9 iv9 VImaj7 v7", "i7 VImaj7 IIImaj7 VII", "VImaj7 VII i7 i7", "iv9 v7 i9 i9", "i9 VII VImaj7 VII"),
        "major": ("Imaj7 vi9 ii9 V7", "Imaj7 vi9 IVmaj7 V", "Imaj7 iii7 IVmaj7 V", "IVmaj7 V Imaj7 vi9"),
    },
    melody=Melody(
        64,
        84,
        ("..6-6---5-6-....", "6--6--5---......", "6-5-..5-6---....", "..5-..6-..6-5---", "6-..6-5-..5-6---"),
        leap=0.3,
        pentatonic=True,
    ),
    voices={"drums": "nine", "bass": "round_bass", "chords": "organ", "lead": "epiano"},
    layers=(Layer("chords", "strings", "5---------------", min_energy=0.85, octave=1, gain_db=-5.0),),
    levels=Levels(drums=-16.5, bass=-19.5, chords=-19.5, lead=-20.5, duck=0.6, reverb=0.2, echo=0.22),
    swing=0.14,
    late_seconds={"bass": 0.004},
    intro=("drums", "chords"),
)

TRAP = Genre(
    words=("trap", "drill", "808", "phonk", "rap", "cloud rap"),
    bpm=142,
    bpm_range=(128, 160),
    mode="minor",
    own_time=True,
    form="song",
    cadences_in_ten=5,
    grooves=(
        (
            (0.1, {"hat": "6...5...6...5..."}),
            (0.35, {"snare": "........9.......", "kick": "9.....7........."}),
            (0.5, {"hat": "6.5.6.5.6.5.6.5."}),
            (0.65, {"kick": "9.....7.......8.9.........7.....", "clap": "........7......."}),
            (
                0.8,
                {"hat": "6.5.6.5.6.5.66666.5.665.6.5.6565", "open_hat": "..............5.", "rim": ".....3.....3...."},
            ),
        ),
        (
            (0.1, {"hat": "5..5..5.5..5..5."}),
            (0.35, {"snare": "........9.......", "kick": "9.........8....."}),
            (0.6, {"kick": "9..7......8...7.9......7..8.....", "rim": "......4......4.."}),
            (0.8, {"hat": "6..66.666..66.6666.66..66.6.6666", "clap": "........8......."}),
        ),
        (
            (0.1, {"rim": "....5.......5..."}),
            (0.35, {"hat": "6.6.5.6.6.6.5.6.", "clap": "........9......."}),
            (0.5, {"kick": "9...........8...9.....8........."}),
            (0.8, {"hat": "665.6.66665.6.6.", "snare": "........8......5", "open_hat": "......5........."}),
        ),
    ),
    fills=(
        {"hat": "6666666666667789"},
        {"snare": "........9...6.79"},
        {"tom_low": "..........7..7.7"},
        {"kick": "9......."},
    ),
    bass=(
        (0.25, "R-------..R-----"),
        (0.5, "R-----R-......R-"),
        (0.6, "R-----5-....R-8-R---------7-R---"),
        (0.6, "R--R------8-R---R-----R-..5-A---"),
        (0.8, "R--R--R-....8-R-"),
    ),
    comping=((0.0, "6---------------"), (0.6, "6-----6---......"), (0.6, "6-------..5-6---")),
    progressions={
        "minor": ("i i VI V7", "i VI iv V", "i bII i v", "i iv VI VII", "i9 VImaj7 i9 v7"),
        "major": ("I vi IV V", "vi IV I V", "Imaj7 iii7 vi7 IV"),
    },
    melody=Melody(
        67,
        86,
        ("6---5-6---....5-", "6-6-6---5---....", "..6-5---6-5-4---", "6-----......5-5-", "6-5-6-5-6---...."),
        leap=0.3,
        pentatonic=True,
        min_energy=0.1,
    ),
    voices={"drums": "eight", "bass": "sub808", "chords": "pad", "lead": "bell"},
    layers=(
        Layer("chords", "choir", "5---------------", min_energy=0.8, octave=1, gain_db=-5.0),
        Layer("lead", "flute", min_energy=0.85, octave=1, gain_db=-9.0),
    ),
    levels=Levels(drums=-17, bass=-18.5, chords=-21, lead=-20.5, duck=0.35, reverb=0.25, reverb_seconds=2.2, echo=0.2),
    builds="swells",
    intro=("chords", "lead"),
)

CLUB = {"drum and bass": DRUM_AND_BASS, "techno": TECHNO, "house": HOUSE, "trap": TRAP}
