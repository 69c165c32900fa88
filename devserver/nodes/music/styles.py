"""The narrower styles within the genres, and the eras: what each changes in its genre's row of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .genre import Genre, Lanes
from .song import Part

Change = Callable[[Genre], Genre]


def set_fields(**fields: Any) -> Change:
    return lambda genre: replace(genre, **fields)


def set_voices(*, drums: str = "", bass: str = "", chords: str = "", lead: str = "") -> Change:
    """Other voices where one is named."""
    named: dict[Part, str] = {"drums": drums, "bass": bass, "chords": chords, "lead": lead}
    others = {part: voice for part, voice in named.items() if voice}
    return lambda genre: replace(genre, voices={**genre.voices, **others})


def add_density(more: float) -> Change:
    return lambda genre: replace(genre, density=genre.density + more)


def combine(*changes: Change) -> Change:
    def change(genre: Genre) -> Genre:
        for one in changes:
            genre = one(genre)
        return genre

    return change


def beat(**lanes: str) -> Change:
    """Return a beat of its own under what the genre's own grooves add at higher energies."""
    return lambda genre: replace(genre, grooves=(_layer_lanes(lanes),), loose=min(genre.loose, 0.3), pulse="")


def _layer_lanes(lanes: Lanes) -> tuple[tuple[float, Lanes], ...]:
    base = {name: line for name, line in lanes.items() if name in {"kick", "hat", "shaker"}}
    more = {name: line for name, line in lanes.items() if name not in base}
    return ((0.1, base), (0.35, more))


def _lead(**fields: Any) -> Change:
    return lambda genre: replace(genre, melody=replace(genre.melody, **fields))


BOSSA = beat(kick="6.....5.6.....5.", rim="5..5..5...5..5..", hat="4.4.4.4.4.4.4.4.", shaker="3.3.3.3.3.3.3.3.")
TWO_STEP = beat(kick="9.........8.....", snare="....9.......9...", hat="..5..56...5..5.6", rim="...4.....4....4.")
DEMBOW = beat(kick="9...9...9...9...", snare="...8..8....8..8.", hat="4.4.4.4.4.4.4.4.")
TRAIN = beat(kick="8...6...8...6...", snare="5.5.8.5.5.5.8.55", hat="..4...4...4...4.")
POLKA = beat(kick="8.......8.......", snare="....7.......7...", hat="..4...4...4...4.")
OFFBEATS = ((0.0, "..6...6...6...6."), (0.5, "..7...7...7...7."), (0.7, "..7...7...7.7.7."))
EIGHTHS = ((0.0, "6.5.6.5.6.5.6.5."), (0.5, "7.6.7.6.7.6.7.6."))
BLUES = ("I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 IV7 I7 I7 IV7 IV7 I7 I7 ii7 V7 I7 V7", "I7 IV7 I7 V7")
MINOR_BLUES = ("i7 i7 i7 i7 iv7 iv7 i7 i7 VI7 V7 i7 V7", "i7 iv7 i7 i7 iv7 iv7 i7 i7 V7 iv7 i7 V7", "i7 iv7 i7 V7")
TUMBAO = ((0.2, "R-----5-....8---"), (0.5, "......5-....R---"), (0.5, "R-..R-5-....8-A-"))
MONTUNO = ((0.0, "6.6..6.66.6..6.."), (0.5, "6..66.6..66.6.6."), (0.7, "6.66.66.6.66.66."))
OOM_PAH = ((0.2, "R---....5---...."), (0.5, "R---....5---..A."), (0.7, "R---..R.5---A..."))

STYLES: Mapping[str, Change] = {
    # drum and bass
    "liquid drum and bass": combine(
        set_voices(bass="round_bass", chords="epiano", lead="flute"), set_fields(colours="sevenths")
    ),
    "neurofunk": combine(set_fields(loose=0.9, bars_per_chord=2), set_voices(bass="reese"), add_density(0.08)),
    "jungle": combine(set_fields(loose=1.0, ghosts=0.16), set_voices(bass="sub", chords="strings")),
    "jump up": combine(set_fields(bars_per_chord=4, other_bass="885557"), set_voices(bass="saw_bass", chords="stab")),
    "breakcore": combine(set_fields(loose=1.0, ghosts=0.25), add_density(0.2)),
    "dubstep": combine(set_fields(pulse="half"), set_voices(bass="reese", lead="saw_lead")),
    "future bass": combine(set_fields(pulse="half"), set_voices(chords="supersaw", bass="sub808", lead="pluck")),
    # techno
    "minimal techno": combine(set_fields(layers=(), bars_per_chord=4), add_density(-0.2)),
    "acid techno": combine(set_voices(bass="acid"), set_fields(other_bass="885573")),
    "hard techno": combine(add_density(0.1), set_voices(chords="supersaw")),
    "rave": combine(add_density(0.1), set_voices(chords="supersaw", lead="saw_lead")),
    "industrial techno": combine(add_density(0.05), set_fields(loose=0.8)),
    "dub techno": combine(add_density(-0.1), _lead(min_energy=0.8)),
    "melodic techno": combine(
        _lead(min_energy=0.3, sparse=False), set_fields(bars_per_chord=1), set_voices(chords="pad")
    ),
    "trance": combine(
        set_voices(chords="supersaw", lead="saw_lead", bass="saw_bass"), _lead(sparse=False, min_energy=0.4)
    ),
    "psytrance": combine(
        set_fields(bass=((0.2, ".RRR.RRR.RRR.RRR"), (0.6, ".RRR.RR8.RRR.RR5"))), set_voices(lead="acid")
    ),
    "electro": beat(kick="9..9..9...9.....", snare="....9.......9...", hat="5.5.5.5.5.5.5.5.", clap="....7.......7.67"),
    # house
    "deep house": combine(add_density(-0.06), set_voices(chords="epiano", lead="flute")),
    "acid house": set_voices(bass="acid", chords="stab"),
    "tropical house": combine(set_voices(lead="bell", chords="pluck"), set_fields(mode="major")),
    "progressive house": set_voices(chords="supersaw", lead="saw_lead", bass="saw_bass"),
    "electro house": combine(set_voices(bass="saw_bass", chords="stab", lead="saw_lead"), add_density(0.08)),
    "uk garage": combine(TWO_STEP, set_fields(swing=0.3)),
    "disco": combine(
        set_fields(bass=((0.2, "R.8.R.8.R.8.R.8."), (0.5, "R-8-R-8-R-8-R-A-"), (0.5, "R.8.R.85R.8.R.75"))),
        set_voices(bass="pick_bass", chords="chop", lead="strings"),
    ),
    "funk": combine(
        set_fields(loose=0.9, swing=0.12, ghosts=0.1), set_voices(bass="pick_bass", chords="chop", lead="brass")
    ),
    "latin": combine(
        set_fields(bass=TUMBAO, comping=MONTUNO, swing=0.0), set_voices(bass="upright", chords="piano", lead="trumpet")
    ),
    "afro house": combine(set_fields(loose=0.9, ghosts=0.06), set_voices(chords="pluck", lead="flute")),
    # trap and hip hop
    "drill": combine(set_fields(loose=0.9), set_voices(chords="strings", lead="bell")),
    "phonk": combine(set_voices(lead="pluck", chords="choir"), add_density(0.06)),
    "cloud rap": combine(add_density(-0.12), set_voices(chords="pad", lead="harp")),
    "boom bap": combine(set_voices(bass="upright", chords="piano"), add_density(0.1)),
    "jazzhop": combine(set_voices(bass="upright", lead="trumpet"), set_fields(voicing="rootless")),
    "chillhop": set_voices(chords="nylon"),
    "r&b": combine(set_voices(chords="epiano", bass="round_bass"), set_fields(swing=0.16)),
    "soul": combine(set_voices(chords="organ", bass="finger_bass", lead="brass"), set_fields(swing=0.1)),
    "trip hop": combine(set_voices(bass="sub", chords="strings"), set_fields(mode="minor")),
    # synthwave and pop
    "darksynth": combine(set_voices(bass="saw_bass", lead="saw_lead"), add_density(0.1)),
    "vaporwave": combine(add_density(-0.12), set_voices(chords="epiano", lead="pluck")),
    "chiptune": combine(set_voices(chords="pluck", lead="square_lead", bass="saw_bass"), add_density(0.05)),
    "new wave": set_voices(bass="pick_bass", chords="chop"),
    "pop": set_voices(bass="round_bass", chords="piano", lead="pluck", drums="nine"),
    # ambient
    "drone": combine(set_fields(bars_per_chord=2, layers=()), add_density(-0.3), _lead(min_energy=0.45)),
    "dark ambient": combine(
        set_fields(bars_per_chord=2), add_density(-0.2), set_voices(bass="low_strings", lead="choir")
    ),
    "sleep": add_density(-0.3),
    "meditation": combine(add_density(-0.2), set_fields(bars_per_chord=2, layers=())),
    "minimal music": combine(set_fields(chord_style="arpeggio", comping=EIGHTHS), set_voices(chords="piano")),
    # reggae
    "dub": combine(add_density(-0.05), _lead(min_energy=0.7)),
    "ska": combine(
        set_fields(comping=OFFBEATS, walking_bass=True, pulse="double"), set_voices(lead="brass", bass="upright")
    ),
    "rocksteady": combine(add_density(-0.08), set_voices(chords="organ")),
    "dancehall": combine(DEMBOW, set_voices(bass="sub", chords="stab")),
    # rock
    "metal": combine(
        set_fields(comping=((0.0, "8---------------"), (0.5, "8.88.88.8.88.88."), (0.8, "8888.8888.88.8.8"))),
        set_fields(chord_centre=50, loose=0.8),
        add_density(0.1),
    ),
    "punk": combine(set_fields(comping=EIGHTHS, pulse="double", layers=()), add_density(0.05)),
    "soft rock": combine(add_density(-0.15), set_voices(chords="guitar", lead="lead_guitar")),
    "indie rock": set_voices(chords="guitar"),
    "psychedelic rock": set_voices(chords="organ", lead="lead_guitar"),
    "surf rock": combine(set_voices(chords="chop", lead="guitar"), add_density(0.1)),
    "blues": combine(
        set_fields(
            progressions={"major": BLUES, "minor": MINOR_BLUES}, swing=0.3, swung_eighths=True, cadences_in_ten=0
        ),
        set_fields(walking_bass=True, colours="plain"),
        set_voices(bass="finger_bass", chords="organ", lead="lead_guitar"),
    ),
    # jazz
    "bossa nova": combine(
        BOSSA,
        set_fields(swing=0.0, swung_eighths=False, walking_bass=False, chord_style="block"),
        set_fields(bass=((0.2, "R-----5-5-----R-"), (0.5, "R-----5-5-----A-"))),
        set_fields(comping=((0.0, "6-..6-....6-...."), (0.5, "6..6..6...6..6.."), (0.7, "..6..6....6..6.."))),
        set_voices(chords="nylon", lead="flute"),
    ),
    "swing": set_voices(lead="brass"),
    "bebop": combine(add_density(0.1), _lead(chromatic=0.3)),
    "smooth jazz": combine(
        set_voices(bass="finger_bass", chords="epiano"), set_fields(swing=0.08, swung_eighths=False)
    ),
    # orchestra
    "chamber music": combine(
        set_fields(grooves=(((0.95, {"tom_low": "4..............."}),),), layers=()), add_density(-0.05)
    ),
    "trailer": combine(add_density(0.1), set_voices(lead="horn"), set_fields(ghosts=0.05)),
    "march": beat(kick="8.......8.......", snare="6.446.446.446.66", crash="....5.......5..."),
    "tango": combine(
        set_fields(bass=((0.2, "R-----R-5---R---"), (0.5, "R-----R-5---A---")), colours="plain"),
        set_fields(comping=((0.0, "7..6..6.7..6..6."), (0.5, "7.6.7.6.7.6.7.6."))),
        set_voices(lead="accordion", chords="strings"),
    ),
    # folk
    "celtic": combine(set_voices(lead="flute"), set_fields(loose=0.4)),
    "country": combine(TRAIN, set_fields(bass=OOM_PAH)),
    "bluegrass": combine(TRAIN, set_fields(bass=OOM_PAH, comping=EIGHTHS, chord_style="arpeggio")),
    "polka": combine(
        POLKA, set_fields(bass=OOM_PAH, comping=((0.0, "....6.......6..."),)), set_voices(lead="accordion")
    ),
    "lullaby": combine(add_density(-0.3), set_voices(lead="bell", chords="harp")),
    "flamenco": combine(
        set_fields(progressions={"minor": ("i VII VI V", "iv III bII i"), "major": ("I bII I bII", "I IV V I")}),
        set_voices(chords="nylon", lead="nylon"),
        add_density(0.1),
    ),
    "gospel": combine(set_voices(chords="organ", bass="finger_bass", lead="choir"), set_fields(colours="sevenths")),
    "medieval folk": set_voices(chords="nylon", lead="flute", drums="folk"),
}

ERAS: Mapping[str, Change] = {
    "1950s": set_voices(bass="upright"),
    "1960s": set_voices(chords="organ"),
    "1970s": set_voices(bass="finger_bass"),
    "1980s": set_voices(drums="gated"),
    "medieval": set_voices(chords="nylon", lead="flute", drums="folk"),
    "renaissance": set_voices(chords="nylon", lead="flute", drums="folk"),
    "baroque": combine(set_voices(chords="harp", lead="violin"), set_fields(cadences_in_ten=9)),
    "classical": combine(set_voices(chords="piano", lead="violin"), set_fields(cadences_in_ten=9)),
    "romantic": set_voices(chords="piano", lead="strings"),
    "impressionist": combine(set_voices(chords="piano", lead="flute"), set_fields(colours="sevenths")),
}
