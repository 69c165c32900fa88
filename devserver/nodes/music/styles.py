"""The narrower styles within the genres, and the eras: what each changes in its genre's row of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .genre import Genre, Lanes
from .song import Part

Change = Callable[[Genre], Genre]


def changed(**fields: Any) -> Change:
    return lambda genre: replace(genre, **fields)


def played_by(*, drums: str = "", bass: str = "", chords: str = "", lead: str = "") -> Change:
    """Other voices where one is named."""
    named: dict[Part, str] = {"drums": drums, "bass": bass, "chords": chords, "lead": lead}
    others = {part: voice for part, voice in named.items() if voice}
    return lambda genre: replace(genre, voices={**genre.voices, **others})


def denser(more: float) -> Change:
    return lambda genre: replace(genre, density=genre.density + more)


def both(*changes: Change) -> Change:
    def change(genre: Genre) -> Genre:
        for one in changes:
            genre = one(genre)
        return genre

    return change


def beat(**lanes: str) -> Change:
    """A beat of its own under what the genre's own grooves add at higher energies."""
    return lambda genre: replace(genre, grooves=(_beaten(lanes),), loose=min(genre.loose, 0.3), pulse="")


def _beaten(lanes: Lanes) -> tuple[tuple[float, Lanes], ...]:
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
    "liquid drum and bass": both(
        played_by(bass="round_bass", chords="epiano", lead="flute"), changed(colours="sevenths")
    ),
    "neurofunk": both(changed(loose=0.9, bars_per_chord=2), played_by(bass="reese"), denser(0.08)),
    "jungle": both(changed(loose=1.0, ghosts=0.16), played_by(bass="sub", chords="strings")),
    "jump up": both(changed(bars_per_chord=4, other_bass="885557"), played_by(bass="saw_bass", chords="stab")),
    "breakcore": both(changed(loose=1.0, ghosts=0.25), denser(0.2)),
    "dubstep": both(changed(pulse="half"), played_by(bass="reese", lead="saw_lead")),
    "future bass": both(changed(pulse="half"), played_by(chords="supersaw", bass="sub808", lead="pluck")),
    # techno
    "minimal techno": both(changed(layers=(), bars_per_chord=4), denser(-0.2)),
    "acid techno": both(played_by(bass="acid"), changed(other_bass="885573")),
    "hard techno": both(denser(0.1), played_by(chords="supersaw")),
    "rave": both(denser(0.1), played_by(chords="supersaw", lead="saw_lead")),
    "industrial techno": both(denser(0.05), changed(loose=0.8)),
    "dub techno": both(denser(-0.1), _lead(min_energy=0.8)),
    "melodic techno": both(_lead(min_energy=0.3, sparse=False), changed(bars_per_chord=1), played_by(chords="pad")),
    "trance": both(played_by(chords="supersaw", lead="saw_lead", bass="saw_bass"), _lead(sparse=False, min_energy=0.4)),
    "psytrance": both(changed(bass=((0.2, ".RRR.RRR.RRR.RRR"), (0.6, ".RRR.RR8.RRR.RR5"))), played_by(lead="acid")),
    "electro": beat(kick="9..9..9...9.....", snare="....9.......9...", hat="5.5.5.5.5.5.5.5.", clap="....7.......7.67"),
    # house
    "deep house": both(denser(-0.06), played_by(chords="epiano", lead="flute")),
    "acid house": played_by(bass="acid", chords="stab"),
    "tropical house": both(played_by(lead="bell", chords="pluck"), changed(mode="major")),
    "progressive house": played_by(chords="supersaw", lead="saw_lead", bass="saw_bass"),
    "electro house": both(played_by(bass="saw_bass", chords="stab", lead="saw_lead"), denser(0.08)),
    "uk garage": both(TWO_STEP, changed(swing=0.3)),
    "disco": both(
        changed(bass=((0.2, "R.8.R.8.R.8.R.8."), (0.5, "R-8-R-8-R-8-R-A-"), (0.5, "R.8.R.85R.8.R.75"))),
        played_by(bass="pick_bass", chords="chop", lead="strings"),
    ),
    "funk": both(changed(loose=0.9, swing=0.12, ghosts=0.1), played_by(bass="pick_bass", chords="chop", lead="brass")),
    "latin": both(
        changed(bass=TUMBAO, comping=MONTUNO, swing=0.0), played_by(bass="upright", chords="piano", lead="trumpet")
    ),
    "afro house": both(changed(loose=0.9, ghosts=0.06), played_by(chords="pluck", lead="flute")),
    # trap and hip hop
    "drill": both(changed(loose=0.9), played_by(chords="strings", lead="bell")),
    "phonk": both(played_by(lead="pluck", chords="choir"), denser(0.06)),
    "cloud rap": both(denser(-0.12), played_by(chords="pad", lead="harp")),
    "boom bap": both(played_by(bass="upright", chords="piano"), denser(0.1)),
    "jazzhop": both(played_by(bass="upright", lead="trumpet"), changed(voicing="rootless")),
    "chillhop": played_by(chords="nylon"),
    "r&b": both(played_by(chords="epiano", bass="round_bass"), changed(swing=0.16)),
    "soul": both(played_by(chords="organ", bass="finger_bass", lead="brass"), changed(swing=0.1)),
    "trip hop": both(played_by(bass="sub", chords="strings"), changed(mode="minor")),
    # synthwave and pop
    "darksynth": both(played_by(bass="saw_bass", lead="saw_lead"), denser(0.1)),
    "vaporwave": both(denser(-0.12), played_by(chords="epiano", lead="pluck")),
    "chiptune": both(played_by(chords="pluck", lead="square_lead", bass="saw_bass"), denser(0.05)),
    "new wave": played_by(bass="pick_bass", chords="chop"),
    "pop": played_by(bass="round_bass", chords="piano", lead="pluck", drums="nine"),
    # ambient
    "drone": both(changed(bars_per_chord=2, layers=()), denser(-0.3), _lead(min_energy=0.45)),
    "dark ambient": both(changed(bars_per_chord=2), denser(-0.2), played_by(bass="low_strings", lead="choir")),
    "sleep": denser(-0.3),
    "meditation": both(denser(-0.2), changed(bars_per_chord=2, layers=())),
    "minimal music": both(changed(chord_style="arpeggio", comping=EIGHTHS), played_by(chords="piano")),
    # reggae
    "dub": both(denser(-0.05), _lead(min_energy=0.7)),
    "ska": both(changed(comping=OFFBEATS, walking_bass=True, pulse="double"), played_by(lead="brass", bass="upright")),
    "rocksteady": both(denser(-0.08), played_by(chords="organ")),
    "dancehall": both(DEMBOW, played_by(bass="sub", chords="stab")),
    # rock
    "metal": both(
        changed(comping=((0.0, "8---------------"), (0.5, "8.88.88.8.88.88."), (0.8, "8888.8888.88.8.8"))),
        changed(chord_centre=50, loose=0.8),
        denser(0.1),
    ),
    "punk": both(changed(comping=EIGHTHS, pulse="double", layers=()), denser(0.05)),
    "soft rock": both(denser(-0.15), played_by(chords="guitar", lead="lead_guitar")),
    "indie rock": played_by(chords="guitar"),
    "psychedelic rock": played_by(chords="organ", lead="lead_guitar"),
    "surf rock": both(played_by(chords="chop", lead="guitar"), denser(0.1)),
    "blues": both(
        changed(progressions={"major": BLUES, "minor": MINOR_BLUES}, swing=0.3, swung_eighths=True, cadences_in_ten=0),
        changed(walking_bass=True, colours="plain"),
        played_by(bass="finger_bass", chords="organ", lead="lead_guitar"),
    ),
    # jazz
    "bossa nova": both(
        BOSSA,
        changed(swing=0.0, swung_eighths=False, walking_bass=False, chord_style="block"),
        changed(bass=((0.2, "R-----5-5-----R-"), (0.5, "R-----5-5-----A-"))),
        changed(comping=((0.0, "6-..6-....6-...."), (0.5, "6..6..6...6..6.."), (0.7, "..6..6....6..6.."))),
        played_by(chords="nylon", lead="flute"),
    ),
    "swing": played_by(lead="brass"),
    "bebop": both(denser(0.1), _lead(chromatic=0.3)),
    "smooth jazz": both(played_by(bass="finger_bass", chords="epiano"), changed(swing=0.08, swung_eighths=False)),
    # orchestra
    "chamber music": both(changed(grooves=(((0.95, {"tom_low": "4..............."}),),), layers=()), denser(-0.05)),
    "trailer": both(denser(0.1), played_by(lead="horn"), changed(ghosts=0.05)),
    "march": beat(kick="8.......8.......", snare="6.446.446.446.66", crash="....5.......5..."),
    "tango": both(
        changed(bass=((0.2, "R-----R-5---R---"), (0.5, "R-----R-5---A---")), colours="plain"),
        changed(comping=((0.0, "7..6..6.7..6..6."), (0.5, "7.6.7.6.7.6.7.6."))),
        played_by(lead="accordion", chords="strings"),
    ),
    # folk
    "celtic": both(played_by(lead="flute"), changed(loose=0.4)),
    "country": both(TRAIN, changed(bass=OOM_PAH)),
    "bluegrass": both(TRAIN, changed(bass=OOM_PAH, comping=EIGHTHS, chord_style="arpeggio")),
    "polka": both(POLKA, changed(bass=OOM_PAH, comping=((0.0, "....6.......6..."),)), played_by(lead="accordion")),
    "lullaby": both(denser(-0.3), played_by(lead="bell", chords="harp")),
    "flamenco": both(
        changed(progressions={"minor": ("i VII VI V", "iv III bII i"), "major": ("I bII I bII", "I IV V I")}),
        played_by(chords="nylon", lead="nylon"),
        denser(0.1),
    ),
    "gospel": both(played_by(chords="organ", bass="finger_bass", lead="choir"), changed(colours="sevenths")),
    "medieval folk": played_by(chords="nylon", lead="flute", drums="folk"),
}

ERAS: Mapping[str, Change] = {
    "1950s": played_by(bass="upright"),
    "1960s": played_by(chords="organ"),
    "1970s": played_by(bass="finger_bass"),
    "1980s": played_by(drums="gated"),
    "medieval": played_by(chords="nylon", lead="flute", drums="folk"),
    "renaissance": played_by(chords="nylon", lead="flute", drums="folk"),
    "baroque": both(played_by(chords="harp", lead="violin"), changed(cadences_in_ten=9)),
    "classical": both(played_by(chords="piano", lead="violin"), changed(cadences_in_ten=9)),
    "romantic": played_by(chords="piano", lead="strings"),
    "impressionist": both(played_by(chords="piano", lead="flute"), changed(colours="sevenths")),
}
