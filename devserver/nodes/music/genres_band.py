"""Genres of bands."""

from __future__ import annotations

from .fills import NO_FILL, TOM_RUN
from .genre import Genre, Layer, Levels, Melody

ROCK = Genre(
    words=("rock", "metal", "punk", "indie", "grunge", "hard rock", "indie rock", "rock'n'roll"),
    bpm=122,
    bpm_range=(90, 190),
    mode="minor",
    form="song",
    grooves=(
        (
            (0.1, {"hat": "7.5.7.5.7.5.7.5."}),
            (0.35, {"kick": "9.......8.......", "snare": "....9.......9..."}),
            (0.6, {"kick": "9.....6.8.8.....9.....6.8....6.."}),
            (0.85, {"ride": "8...6...8...6...", "kick": "9.9...6.8.8.....9.9...6.8....69."}),
        ),
        (
            (0.1, {"kick": "8.......8......."}),
            (0.35, {"hat": "7.6.7.6.7.6.7.6.", "snare": "....9.......9..."}),
            (0.55, {"kick": "9..8....9..8...."}),
            (0.85, {"crash": "7.......7.......", "kick": "9..8..8.9..8..8.", "open_hat": "6.6.6.6.6.6.6.6."}),
        ),
        (
            (0.1, {"tom_low": "7..7..7.7..7..7."}),
            (0.35, {"kick": "9.8.....9.......", "snare": "....9.......9..."}),
            (0.55, {"hat": "7.5.7.5.7.5.7.5.", "kick": "9.8...8.9.......9.8.....9.8....."}),
            (0.85, {"ride": "7.7.7.7.7.7.7.7.", "snare": "....9.....2.9..3"}),
        ),
    ),
    fills=(TOM_RUN, {"snare": "........77777789"}, {"snare": "....9...8.8.....", "tom_low": "............8989"}),
    bass=(
        (0.2, "R-------R-------"),
        (0.5, "R-R-R-R-R-R-R-A-"),
        (0.5, "R--RR-R-R--RR-5-"),
        (0.5, "R-R-R-5-R-R-3-A-"),
        (0.8, "R-R-R-RRR-R-5-7-"),
        (0.8, "R-R-8-R-5-R-7-A-"),
    ),
    comping=(
        (0.0, "7---------------"),
        (0.5, "7-6-7-6-7-6-7-6-"),
        (0.5, "8--8--8-8---6-6-"),
        (0.5, "7.7.7---7.7.6---"),
        (0.85, "8---7-8---7-8-7-"),
        (0.85, "8-----7-8-----7-"),
    ),
    progressions={
        "minor": ("i5 VI5 III5 VII5", "i5 VI5 VII5 i5", "i5 iv5 VI5 VII5", "i5 III5 VII5 iv5", "i5 VII5 VI5 VII5"),
        "major": ("I5 V5 vi5 IV5", "I5 IV5 I5 V5", "I5 vi5 IV5 V5"),
    },
    melody=Melody(
        64,
        83,
        ("6---5-6-6-5-6---", "6-----5-6-5-....", "..6-6-6-5-6-----", "6-6---5-6-------", "6-5-5-6---..5-6-"),
        leap=0.3,
        pentatonic=True,
        chromatic=0.12,
    ),
    voices={"drums": "rock", "bass": "pick_bass", "chords": "power", "lead": "lead_guitar"},
    layers=(
        Layer("chords", "guitar", "5.4.5.4.5.4.5.4.", "arpeggio", 0.5, 1, -3.0),
        Layer("chords", "organ", "5---------------", min_energy=0.85, octave=1, gain_db=-7.0),
    ),
    levels=Levels(
        drums=-16, bass=-19.5, chords=-19.5, lead=-20.5, duck=0.15, reverb=0.14, reverb_seconds=1.2, echo=0.18
    ),
    ghosts=0.04,
    builds="swells",
    chord_voices=3,
    chord_centre=52,
    human_seconds=0.003,
    intro=("drums", "chords"),
)

REGGAE = Genre(
    words=("reggae", "dub", "dub reggae", "roots reggae", "ska", "dancehall", "reggaeton", "rocksteady"),
    bpm=76,
    bpm_range=(62, 100),
    mode="minor",
    form="song",
    grooves=(
        (  # one drop: the first beat is empty
            (0.1, {"hat": "5.4.5.4.5.4.5.4."}),
            (0.3, {"kick": "........9.......", "rim": "........8......."}),
            (0.6, {"hat": "5.4.5.445.4.5.4.", "rim": "........8.....3...4.....8..3...."}),
            (0.85, {"shaker": "3.3.3.3.3.3.3.3.", "open_hat": "..............5."}),
        ),
        (  # steppers: four to the floor
            (0.1, {"hat": "..5...5...5...5."}),
            (0.3, {"kick": "9...9...9...9...", "rim": "....7.......7..."}),
            (0.6, {"hat": "5.445.445.445.44"}),
            (0.85, {"snare": "........8.......", "bongo_high": "..4..4....4..4.."}),
        ),
        (  # rockers
            (0.1, {"shaker": "4.3.4.3.4.3.4.3."}),
            (0.3, {"kick": "9.......9.......", "snare": "........8......."}),
            (0.6, {"hat": "5.5.5.5.5.5.5.54", "kick": "9......69......."}),
            (0.85, {"rim": "...4..4....4..4."}),
        ),
    ),
    fills=(
        {"snare": "........6.66.6.8"},
        {"tom_high": "........7.7.....", "tom_mid": "............7.7.", "tom_low": "..............78"},
        {"snare": "............8.88"},
        {"rim": "........5..5.5.5"},
    ),
    bass=(
        (0.2, "R---..R---......"),
        (0.4, "R---..R-5---8-5-"),
        (0.4, "R-R-..3-5---..A-"),
        (0.4, "....R-R-3-5-R---"),
        (0.7, "R-..R-5-8-..5-3-"),
        (0.7, "R--R..3-5--5..A-"),
    ),
    comping=((0.0, "....7.......7..."), (0.5, "....7.......7.6."), (0.7, "..4.7.4...4.7.4.")),
    progressions={
        "minor": ("i i iv iv", "i i VII i", "i VI VII i", "i iv i v", "i VII VI v"),
        "major": ("I I IV IV", "I IV V IV", "I V vi IV", "I ii I V"),
    },
    melody=Melody(
        67,
        84,
        ("5--6--5---......", "..5-5-6---5-....", "6---5---....5-5-", "5-6-5-..5---....", "....6--5--6-...."),
        leap=0.25,
        pentatonic=True,
        chromatic=0.06,
        sparse=True,
    ),
    voices={"drums": "dub", "bass": "dub_bass", "chords": "chop", "lead": "melodica"},
    layers=(
        Layer("chords", "organ", "..5-4-5-..5-4-5-", min_energy=0.5, gain_db=-5.0),
        Layer("lead", "brass", min_energy=0.88, octave=-1, gain_db=-6.0),
    ),
    levels=Levels(drums=-18, bass=-20.5, chords=-18.5, lead=-20, duck=0.15, reverb=0.3, reverb_seconds=2.4, echo=0.5),
    swing=0.12,
    builds="none",
    bars_per_chord=1,
    chord_voices=3,
    chord_centre=64,
    bass_low=26,
    human_seconds=0.004,
    late_seconds={"bass": 0.012, "lead": 0.01},
    intro=("drums", "bass"),
)

JAZZ = Genre(
    words=(
        "jazz",
        "jazz trio",
        "swing",
        "bebop",
        "cool jazz",
        "bossa nova",
        "bossa",
        "big band",
        "smooth jazz",
        "blues",
    ),
    bpm=138,
    bpm_range=(90, 240),
    mode="major",
    form="jazz",
    grooves=(
        (
            (0.1, {"ride": "7...6.5.7...6.5.", "hat": "....5.......5..."}),
            (0.55, {"kick": "3...3...3...3...", "rim": "..............3......3.........."}),
            (0.7, {"snare": "......3.........3.........3.....", "ride": "7...7.5.7...7.5.7...7.5.7.5.7.5."}),
            (0.85, {"snare": "..3...4.......3.4.....3...4....."}),
        ),
        (
            (0.1, {"ride": "7...6...7...6.5.", "hat": "....5.......5..."}),
            (0.55, {"rim": "............4...", "kick": "4.............3."}),
            (0.7, {"snare": "..3.......3.........3...3.....3.", "kick": "3...3...3...3..."}),
            (0.85, {"ride": "7...7.6.7...7.6.", "snare": "......4...3.......4.......4...3."}),
        ),
    ),
    fills=(
        {"snare": "........4.4.5.6."},
        {"snare": "......5...5...6.", "tom_low": "............5..."},
        {"tom_mid": "........4.4.....", "tom_low": "............5.5."},
        NO_FILL,
    ),
    bass=((0.2, "R-------5-------"), (0.4, "R-------5---A---")),
    comping=(
        (0.0, "5---------------"),
        (0.4, "5-......5-......"),
        (0.5, "......5-......5-..5-....5-......"),
        (0.5, "5-....5-......5-......5-....5-.."),
        (0.7, "..5-....5-....5-5-....5---......"),
        (0.7, "......6-..5-........5-6-......5-"),
    ),
    progressions={
        "minor": (
            "i7 iv7 VII IIImaj7",
            "i7 i7 iv7 V7",
            "i6 VImaj7 iv7 V7",
            "iv7 VII IIImaj7 VImaj7 iv7 V7 i6 i6",
        ),
        "major": (
            "Imaj7 vi7 ii9 V7",
            "ii9 V7 Imaj7 Imaj7",
            "Imaj7 Imaj7 ii9 V7",
            "iii7 vi7 ii9 V7 Imaj7 IVmaj7 ii9 V7",
            "IVmaj7 iv6 Imaj7 vi7",
        ),
    },
    melody=Melody(
        60,
        82,
        ("..5.6.5-5---....", "6---5.6.5.4-....", "..5.5.6.5.5.4---", "6-5.4.5.6---....", "5.6.5.4.5---..5."),
        leap=0.4,
        chromatic=0.2,
        min_energy=0.4,
    ),
    voices={"drums": "brushes", "bass": "upright", "chords": "piano", "lead": "trumpet"},
    levels=Levels(drums=-22, bass=-19.5, chords=-19.5, lead=-19.5, duck=0.0, reverb=0.16, reverb_seconds=1.3, echo=0.0),
    walking_bass=True,
    swing=0.3,
    swung_eighths=True,
    crash=False,
    builds="none",
    chord_centre=61,
    voicing="rootless",
    human_seconds=0.005,
    late_seconds={"lead": 0.02, "bass": -0.004},
    intro=("bass", "drums"),
)

BAND = {"rock": ROCK, "reggae": REGGAE, "jazz": JAZZ}
