"""Genres of the concert hall and the village square."""

from __future__ import annotations

from .fills import NO_FILL
from .genre import Genre, Layer, Levels, Melody

ORCHESTRAL = Genre(
    words=(
        *("orchestral", "orchestra", "cinematic", "epic", "film score", "film music", "soundtrack", "symphonic"),
        *("classical", "trailer", "orchestral music", "orchestral piece", "filmmusik", "orchestermusik", "klassik"),
    ),
    bpm=96,
    bpm_range=(60, 150),
    mode="minor",
    form="arc",
    colours="plain",
    cadences_in_ten=8,
    grooves=(
        (
            (0.3, {"tom_low": "5..............."}),
            (0.55, {"tom_low": "7.......5.....5."}),
            (0.8, {"tom_low": "9..7..7.9..7..7.", "snare": "5.335.335.335.55", "kick": "9.......7......."}),
        ),
        (
            (0.3, {"tom_low": "5.......4......."}),
            (0.55, {"tom_low": "7.....6.7.......", "snare": "4...4...4...4.44"}),
            (0.8, {"tom_low": "9...7...9.7.7.7.", "tom_mid": "..5...5.....5...", "kick": "9..............."}),
        ),
        (
            (0.4, {"snare": "5...3.3.5...3.3."}),
            (0.6, {"tom_low": "7.......7...5.5."}),
            (0.8, {"snare": "6.446.446.446.66", "tom_low": "9.......9...7.7.", "kick": "9.......9......."}),
        ),
        (
            (0.3, {"tom_mid": "4.....4........."}),
            (0.55, {"tom_low": "6..6..6.6..6..6.", "rim": "..4...4...4...4."}),
            (0.8, {"kick": "9.....8.9.......", "tom_low": "9.7.9.7.9.779.77", "crash": "7..............."}),
        ),
        (
            (0.4, {"kick": "6..............."}),
            (0.6, {"snare": "..4.4.5...4.4.5.", "tom_low": "7...........5.5."}),
            (0.8, {"tom_mid": "7.7...7.7...7.77", "kick": "9...9...9...9...", "snare": "6...6...6...6.66"}),
        ),
    ),
    fills=({"tom_low": "........66667789"}, {"snare": "........44556789"}, {"tom_low": "....7...7.7.8.89"}),
    bass=(
        (0.2, "R---------------"),
        (0.5, "R-------R---5---"),
        (0.5, "R-----R-5-----A-"),
        (0.8, "R-R-R-R-R-R-5-A-"),
        (0.8, "R--R--R-8--8--A-"),
        (0.2, "R-----------5---"),
        (0.2, "R-------8-------"),
        (0.5, "R---5---R---A---"),
        (0.8, "R.R.R.R.5.5.A.A."),
        (0.8, "R-----R-8---5-A-"),
    ),
    comping=(
        (0.0, "6---------------"),
        (0.55, "6-------5-------"),
        (0.8, "7-----6-7-----6-"),
        (0.8, "7---6---7---6---"),
        (0.0, "6-------5-------"),
        (0.0, "6-----5---------"),
        (0.0, "..6-----5-------"),
        (0.55, "6---5-----6-5---"),
        (0.55, "..6-6-..6---5---"),
        (0.8, "7.7.7.7.7---6---"),
    ),
    progressions={
        "minor": ("i VI III VII", "i iv VI V", "i VII VI V7", "i III iv V", "VI VII i i", "i v VI iv"),
        "major": ("I V vi IV", "I IV I V", "I vi ii V", "I iii IV V", "IV V vi I"),
    },
    melody=Melody(
        62,
        86,
        ("6-------5---6---", "6-----5-6---5---", "5---6---6-------", "6---5-5-6---4---", "5-6-6-------5---"),
        leap=0.35,
        min_energy=0.45,
    ),
    voices={"drums": "orchestra", "bass": "low_strings", "chords": "strings", "lead": "violin"},
    layers=(
        Layer("chords", "pizzicato", "5.4.5.4.5.4.5.4.", "arpeggio", 0.5, 1, -3.0),
        Layer("chords", "brass", "6-------5-------", min_energy=0.78, gain_db=-3.0),
        Layer("lead", "horn", min_energy=0.78, octave=-1, gain_db=-4.0),
    ),
    levels=Levels(drums=-21, bass=-20.5, chords=-18, lead=-19, duck=0.0, reverb=0.42, reverb_seconds=2.8, echo=0.0),
    builds="swells",
    chord_voices=4,
    chord_centre=62,
    voicing="open",
    human_seconds=0.006,
    late_seconds={"chords": -0.03},
    intro=("chords", "bass"),
)

WALTZ = Genre(
    words=("waltz", "viennese waltz", "walzer", "wiener walzer", "musette", "valse", "ländler"),
    bpm=168,
    bpm_range=(84, 190),
    mode="major",
    form="song",
    colours="plain",
    cadences_in_ten=8,
    grooves=(
        (
            (0.3, {"rim": "....4...4..."}),
            (0.55, {"kick": "6...........", "snare": "....3...3..."}),
            (0.8, {"hat": "....5...5...", "kick": "7..........."}),
        ),
        (
            (0.3, {"shaker": "....4...4..."}),
            (0.55, {"kick": "6...........", "rim": "....4...4.4."}),
            (0.8, {"snare": "....4...4.3.....4.3.4..."}),
        ),
    ),
    fills=({"snare": "....4.4.5.6."}, {"tom_low": "....5...6..."}, NO_FILL),
    bass=(
        (0.2, "R-----------"),
        (0.4, "R---........5---........"),
        (0.7, "R---....R---5---....A---"),
        (0.7, "R---3---5---"),
    ),
    comping=((0.0, "....5---5---"), (0.5, "....6-..6-.."), (0.7, "....6-..6-5-")),
    progressions={
        "major": ("I I V7 V7 V7 V7 I I", "I vi ii V7", "I I IV IV V7 V7 I I", "IV I V7 I", "I iii vi ii V7 V7 I I"),
        "minor": ("i i iv V7", "i VI iv V7", "i i V7 V7 V7 V7 i i", "iv i V7 i", "i VII III V7"),
    },
    melody=Melody(
        65,
        87,
        ("6-------5---", "6---5---6---", "6-5-6-5-4---", "5-------6-5-", "..5-6---5---"),
        leap=0.35,
        chromatic=0.1,
        min_energy=0.4,
    ),
    voices={"drums": "folk", "bass": "upright", "chords": "nylon", "lead": "accordion"},
    layers=(
        Layer("chords", "strings", "5-----------", min_energy=0.8, octave=1, gain_db=-6.0),
        Layer("lead", "violin", min_energy=0.85, octave=1, gain_db=-6.0),
    ),
    levels=Levels(drums=-24, bass=-20, chords=-18.5, lead=-18.5, duck=0.0, reverb=0.22, reverb_seconds=1.6, echo=0.0),
    beats_per_bar=3,
    crash=False,
    builds="none",
    chord_style="strum",
    chord_centre=62,
    human_seconds=0.005,
    intro=("chords", "bass"),
)

FOLK = Genre(
    words=(
        "folk",
        "acoustic",
        "singer-songwriter",
        "country",
        "bluegrass",
        "celtic",
        "campfire",
        "volksmusik",
        "folklore",
    ),
    bpm=108,
    bpm_range=(70, 140),
    mode="major",
    form="song",
    cadences_in_ten=5,
    grooves=(
        (
            (0.4, {"kick": "7.......6......."}),
            (0.55, {"rim": "....5.......5...", "shaker": "4.3.4.3.4.3.4.3."}),
            (0.8, {"kick": "8.....5.7.......", "snare": "....5.......5...", "shaker": "4343434343434343"}),
        ),
        (
            (0.4, {"shaker": "4.3.4.3.4.3.4.3."}),
            (0.55, {"kick": "7...7...7...7..."}),
            (0.8, {"clap": "....6.......6...", "bongo_low": "..4..4....4..4.."}),
        ),
        (
            (0.4, {"bongo_low": "6..4..4.6..4..4."}),
            (0.55, {"bongo_high": "..4...5...4...5.", "kick": "7.......7......."}),
            (0.8, {"snare": "....5..2....5.2.", "hat": "4.4.4.4.4.4.4.4."}),
        ),
    ),
    fills=({"bongo_high": "........5.5.6.6."}, {"snare": "........4.445.6."}, NO_FILL, {"tom_low": "........6...6.6."}),
    bass=(
        (0.2, "R---------------"),
        (0.4, "R-------5-------"),
        (0.4, "R-----..5---..A-"),
        (0.7, "R---..R-5---..A-"),
        (0.7, "R---3---5---A---"),
    ),
    comping=(
        (0.0, "6-------5-------"),
        (0.4, "6-..5.4.6-..5.4."),
        (0.4, "6--.5-.54-5-5-4-"),
        (0.7, "7-5.6-56.56-5-6."),
        (0.7, "7-..6-5..5-56-5."),
    ),
    progressions={
        "major": ("I V vi IV", "I IV I V", "I vi IV V", "vi IV I V", "I IV vi V", "IV I V I"),
        "minor": ("i VII VI VII", "i VI III VII", "i iv VII III", "i VII i v"),
    },
    melody=Melody(
        64,
        83,
        ("6---5-6-5---....", "5-5-6---5-4-....", "6-5-5---6-----..", "..5-5-6-5---5---", "6-----5-4---...."),
        leap=0.25,
        pentatonic=True,
        chromatic=0.05,
    ),
    voices={"drums": "folk", "bass": "upright", "chords": "guitar", "lead": "flute"},
    layers=(
        Layer("chords", "harp", "4.3.4.3.4.3.4.3.", "arpeggio", 0.75, 1, -6.0),
        Layer("lead", "violin", min_energy=0.85, gain_db=-5.0),
    ),
    levels=Levels(drums=-21, bass=-20.5, chords=-18, lead=-19, duck=0.0, reverb=0.18, reverb_seconds=1.4, echo=0.0),
    swing=0.06,
    crash=False,
    builds="none",
    chord_style="strum",
    chord_centre=58,
    human_seconds=0.005,
    intro=("chords",),
)

ACOUSTIC = {"orchestral": ORCHESTRAL, "waltz": WALTZ, "folk": FOLK}
