"""Genres of synthesisers and spaces."""

from __future__ import annotations

from .fills import NO_FILL, SNARE_RUN, TOM_RUN
from .genre import Genre, Layer, Levels, Melody

SYNTHWAVE = Genre(
    words=(
        *("synthwave", "retrowave", "outrun", "80s", "80er", "eighties"),
        *("vaporwave", "new wave", "synth-pop", "synthpop", "pop"),
    ),
    bpm=104,
    bpm_range=(80, 120),
    mode="minor",
    own_time=True,
    form="song",
    grooves=(
        (
            (0.1, {"hat": "5.4.5.4.5.4.5.4."}),
            (0.35, {"kick": "9.......9.......", "snare": "....9.......9..."}),
            (0.65, {"kick": "9.....7.9.......", "hat": "6464646464646464"}),
            (0.85, {"open_hat": "..............6.", "tom_mid": "..........4....."}),
        ),
        (
            (0.1, {"kick": "9...9...9...9..."}),
            (0.35, {"snare": "....9.......9..."}),
            (0.5, {"hat": "..6...6...6...6."}),
            (0.75, {"hat": "5.6.5.6.5.6.5.6.", "clap": "....7.......7..."}),
            (0.9, {"tom_high": "..............6.", "tom_low": "...............6"}),
        ),
        (
            (0.1, {"hat": "5...5...5...5..."}),
            (0.35, {"kick": "9.........9.....", "snare": "....9.......9..."}),
            (0.65, {"hat": "5.5.5.5.5.5.5.5.", "kick": "9..7......9....."}),
            (0.85, {"shaker": "3434343434343434", "open_hat": "......6.......6."}),
        ),
        (
            (0.1, {"hat": "..5...5...5...5."}),
            (0.35, {"kick": "9.....8.9.......", "snare": "....9.......9..."}),
            (0.65, {"hat": "5.5.6.5.5.5.6.5.", "clap": "............6..."}),
            (0.85, {"tom_low": "..........5..5..", "open_hat": "..6...6...6...6."}),
        ),
        (
            (0.1, {"shaker": "4.4.4.4.4.4.4.4."}),
            (0.35, {"kick": "9..8..8...8.....", "snare": "....9.......9..."}),
            (0.65, {"hat": "6.6.6.6.6.6.6.66"}),
            (0.85, {"tom_mid": "......5.......5.", "rim": "...4..4....4..4."}),
        ),
    ),
    fills=(
        TOM_RUN,
        {"tom_high": "........8.8.....", "tom_low": "............8.89"},
        SNARE_RUN,
        {"snare": "........8.8.8888"},
    ),
    bass=(
        (0.2, "R-R-R-R-R-R-R-R-"),
        (0.5, "RRRRRRRR88RRRRRR"),
        (0.5, "R.RRR.RRR.RR5.R8"),
        (0.5, "R.8.R.8.R.8.R.5."),
        (0.8, "RR8RRR8RRR8RRR85"),
        (0.8, "RRR8RR5RRRR8R75A"),
    ),
    comping=(
        (0.0, "6-------6-------"),
        (0.0, "6-----6-----6---"),
        (0.0, "6---------------"),
        (0.8, "7-------6-----6-"),
        (0.8, "7-----6---------"),
    ),
    progressions={
        "minor": (
            "i VI iv V",
            "VI i VII iv",
            "i VI III VII",
            "VI VII i i",
            "i VII VI VII",
            "i III VII iv",
            "i iv VII III",
        ),
        "major": ("I bVII IV I", "IV V iii vi", "I V ii IV", "I V vi IV", "vi IV I V", "I iii IV V", "IV I V vi"),
    },
    melody=Melody(
        64, 84, ("6-----5---6-----", "6---5---6-5-----", "..6-6-5-6-------", "6--6--6-----5---", "6-5-6---..5-6---")
    ),
    voices={"drums": "gated", "bass": "saw_bass", "chords": "strings", "lead": "saw_lead"},
    layers=(
        Layer("chords", "pluck", "5454545454545454", "arpeggio", 0.5, 1, -5.0),
        Layer("lead", "square_lead", min_energy=0.85, octave=-1, gain_db=-7.0),
    ),
    levels=Levels(
        drums=-16.5, bass=-19.5, chords=-20, lead=-20.5, duck=0.4, reverb=0.24, reverb_seconds=2.2, echo=0.28
    ),
    intro=("chords", "bass"),
)

AMBIENT = Genre(
    words=(
        *("ambient", "drone", "meditation", "soundscape", "atmospheric", "new age"),
        *("sphärisch", "entspannungsmusik", "spa", "sleep"),
    ),
    bpm=72,
    bpm_range=(50, 100),
    mode="major",
    form="arc",
    cadences_in_ten=0,
    grooves=(
        ((0.15, {"shaker": "3...2...3...2..."}), (0.45, {"kick": "6.......4.......", "shaker": "3.2.3.2.3.2.3.2."})),
        ((0.15, {"hat": "3...2...3...2..."}), (0.45, {"kick": "6...............", "rim": "....3.......2..."})),
        ((0.15, {"kick": "5.......3......."}), (0.45, {"bongo_low": "..3...4...3....3", "shaker": "3...2...3...2..."})),
        ((0.15, {"bongo_low": "4...2...3...2..."}), (0.45, {"shaker": "..3...3...3...3.", "kick": "5.......4......."})),
        ((0.15, {"hat": "3...3...3...3..."}), (0.45, {"rim": "......3.....3...", "kick": "6.....4........."})),
    ),
    fills=(NO_FILL,),
    bass=(
        (0.2, "R---------------"),
        (0.6, "R-------5-------"),
        (0.6, "R-----------8---"),
        (0.8, "R-----5-8-------"),
        (0.2, "R---------5-----"),
        (0.2, "R-----------5---"),
        (0.4, "R-----8---------"),
        (0.6, "....R-------5---"),
    ),
    comping=(
        (0.0, "5---------------"),
        (0.6, "5-------4-------"),
        (0.0, "5-----4---------"),
        (0.0, "....5-----------"),
        (0.0, "5-----------4---"),
        (0.4, "5---4-----------"),
        (0.4, "..5-----4-------"),
    ),
    progressions={
        "minor": (
            "i9 IIImaj7 VII iv9",
            "VImaj7 iadd9 v7 iadd9",
            "iadd9 VImaj7 IIImaj7 VII",
            "i9 iv9 VImaj7 iadd9",
            "iadd9 VII VImaj7 iv9",
            "iadd9 iadd9 VImaj7 VII",
        ),
        "major": (
            "Iadd9 iii7 vi9 IVmaj7",
            "IVmaj7 Iadd9 V vi9",
            "Iadd9 IVmaj7 vi9 IVmaj7",
            "Imaj7 iii7 IVmaj7 Iadd9",
            "Iadd9 ii9 IVmaj7 Imaj7",
            "Iadd9 Iadd9 IVmaj7 V",
        ),
    },
    melody=Melody(
        67,
        88,
        ("5-------....4---", "....5-----4-----", "5---4---....5---", "..4-----5-------", "5-----------4---"),
        leap=0.4,
        pentatonic=True,
        min_energy=0.2,
        sparse=True,
    ),
    voices={"drums": "soft", "bass": "sub", "chords": "pad", "lead": "bell"},
    layers=(
        Layer("chords", "choir", "4---------------", min_energy=0.5, octave=1, gain_db=-5.0),
        Layer("chords", "harp", "4...4...4...4.4.", "arpeggio", 0.35, 1, -6.0),
    ),
    levels=Levels(drums=-26, bass=-21.5, chords=-18, lead=-20.5, duck=0.1, reverb=0.5, reverb_seconds=4.0, echo=0.2),
    crash=False,
    builds="none",
    chord_voices=5,
    chord_centre=58,
    chord_style="bloom",
    voicing="open",
    human_seconds=0.006,
    intro=("drums", "chords"),
)

SYNTH = {"synthwave": SYNTHWAVE, "ambient": AMBIENT}
