"""What the words of a brief do to the way its genre is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .genre import Genre, Layer
from .song import Brief
from .styles import EIGHTHS, ERAS, OFFBEATS, STYLES, Change, both, changed, denser, played_by
from .treatment import TREATMENTS

THREE_OVER_FOUR = "4..4..4..4..4..4..4..4..4..4..4..4..4..4..4..4.."


def felt(genre: Genre, brief: Brief) -> Genre:
    """The genre as the brief's style, era, textures and production words want it played."""
    words = (*brief.textures, *brief.production)
    changes = [STYLES.get(brief.style), ERAS.get(brief.era), *(FEELS.get(word) for word in dict.fromkeys(words))]
    for change in changes:
        if change is not None:
            genre = change(genre)
    return genre


def obeyed(word: str) -> bool:
    """Whether a word of texture or production is heard in what is composed or mixed."""
    return word in FEELS or word in TREATMENTS


def _sparse(genre: Genre) -> Genre:
    melody = replace(genre.melody, sparse=True)
    return replace(genre, melody=melody, layers=(), density=genre.density - 0.25, chord_voices=3, ghosts=0.0)


def _dense(genre: Genre) -> Genre:
    shaken = (0.2, {"shaker": "323" * 4 if genre.beats_per_bar == 3 else "3232" * 4})
    return replace(
        genre,
        density=genre.density + 0.2,
        ghosts=genre.ghosts + 0.05,
        chord_voices=genre.chord_voices + 1,
        grooves=tuple((*groove, shaken) for groove in genre.grooves),
    )


def _ghosts(genre: Genre) -> Genre:
    return replace(genre, ghosts=genre.ghosts + 0.08, density=genre.density + 0.06)


def _singing(genre: Genre) -> Genre:
    return replace(genre, melody=replace(genre.melody, sparse=False, min_energy=min(0.3, genre.melody.min_energy)))


def _soaring(genre: Genre) -> Genre:
    melody = genre.melody
    return replace(genre, melody=replace(melody, low=melody.low + 3, high=min(96, melody.high + 4), sparse=False))


def _bluesy(genre: Genre) -> Genre:
    return replace(genre, melody=replace(genre.melody, pentatonic=True, chromatic=0.2), colours="plain")


def _swung(genre: Genre) -> Genre:
    return genre if genre.swing >= 0.2 else replace(genre, swing=0.28)


def _loose(genre: Genre) -> Genre:
    return replace(genre, loose=1.0)


def _steady(genre: Genre) -> Genre:
    return replace(genre, loose=genre.loose * 0.4, cadences_in_ten=0)


def _polyrhythm(genre: Genre) -> Genre:
    grooves = tuple((*groove, (0.3, {"rim": THREE_OVER_FOUR})) for groove in genre.grooves)
    layer = Layer("chords", "pluck", "4..4..4..4..4..4", "arpeggio", 0.3, 1, -6.0)
    return replace(genre, grooves=grooves, layers=(*genre.layers, layer))


def _human(genre: Genre) -> Genre:
    return replace(genre, human_seconds=genre.human_seconds * 2)


FEELS: Mapping[str, Change] = {
    "sparse": _sparse,
    "dense": _dense,
    "lush": changed(chord_voices=5),
    "light": denser(-0.1),
    "soft": denser(-0.08),
    "hard": denser(0.06),
    "rolling": _ghosts,
    "rhythmic": denser(0.1),
    "melodic": _singing,
    "soaring": _soaring,
    "anthemic": both(_singing, _soaring),
    "jazzy": both(changed(colours="sevenths"), _swung),
    "bluesy": _bluesy,
    "chopped": _loose,
    "syncopated": _loose,
    "repetitive": _steady,
    "steady": _steady,
    "swing": _swung,
    "offbeat": changed(comping=OFFBEATS),
    "half-time": changed(pulse="half"),
    "double-time": changed(pulse="double"),
    "four on the floor": changed(pulse="floor"),
    "polyrhythmic": _polyrhythm,
    "fingerpicked": changed(chord_style="arpeggio", comping=EIGHTHS),
    "strummed": changed(chord_style="strum"),
    "palm-muted": changed(note_length=0.45),
    "pizzicato": both(changed(comping=EIGHTHS, chord_style="arpeggio", note_length=0.6), played_by(chords="pizzicato")),
    "staccato": changed(note_length=0.5),
    "legato": changed(note_length=1.06),
    "riser": changed(builds="rolls"),
    "impacts": changed(builds="rolls"),
    "filtered": changed(filtered=True),
    "evolving": changed(filtered=True),
    "squelchy": played_by(bass="acid"),
    "growling": played_by(bass="reese"),
    "acoustic": played_by(bass="upright", chords="guitar"),
    "gated": played_by(drums="gated"),
    "8-bit": played_by(chords="pluck", lead="square_lead"),
    "live": _human,
    "organic": _human,
    "solo": changed(),  # heard by who plays
}
