"""Apply the words of a brief to the way its genre is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .genre import Genre, Layer
from .song import Brief
from .styles import EIGHTHS, ERAS, OFFBEATS, STYLES, Change, add_density, combine, set_fields, set_voices
from .treatment import TREATMENTS

THREE_OVER_FOUR = "4..4..4..4..4..4..4..4..4..4..4..4..4..4..4..4.."


def apply_feel(genre: Genre, brief: Brief) -> Genre:
    """Return the genre as the brief's style, era, textures and production words want it played."""
    words = (*brief.textures, *brief.production)
    changes = [STYLES.get(brief.style), ERAS.get(brief.era), *(FEELS.get(word) for word in dict.fromkeys(words))]
    for change in changes:
        if change is not None:
            genre = change(genre)
    return genre


def is_supported(word: str) -> bool:
    """Tell whether a word of texture or production is heard in what is composed or mixed."""
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
    "lush": set_fields(chord_voices=5),
    "light": add_density(-0.1),
    "soft": add_density(-0.08),
    "hard": add_density(0.06),
    "rolling": _ghosts,
    "rhythmic": add_density(0.1),
    "melodic": _singing,
    "soaring": _soaring,
    "anthemic": combine(_singing, _soaring),
    "jazzy": combine(set_fields(colours="sevenths"), _swung),
    "bluesy": _bluesy,
    "chopped": _loose,
    "syncopated": _loose,
    "repetitive": _steady,
    "steady": _steady,
    "swing": _swung,
    "offbeat": set_fields(comping=OFFBEATS),
    "half-time": set_fields(pulse="half"),
    "double-time": set_fields(pulse="double"),
    "four on the floor": set_fields(pulse="floor"),
    "polyrhythmic": _polyrhythm,
    "fingerpicked": set_fields(chord_style="arpeggio", comping=EIGHTHS),
    "strummed": set_fields(chord_style="strum"),
    "palm-muted": set_fields(note_length=0.45),
    "pizzicato": combine(
        set_fields(comping=EIGHTHS, chord_style="arpeggio", note_length=0.6), set_voices(chords="pizzicato")
    ),
    "staccato": set_fields(note_length=0.5),
    "legato": set_fields(note_length=1.06),
    "riser": set_fields(builds="rolls"),
    "impacts": set_fields(builds="rolls"),
    "filtered": set_fields(filtered=True),
    "evolving": set_fields(filtered=True),
    "squelchy": set_voices(bass="acid"),
    "growling": set_voices(bass="reese"),
    "acoustic": set_voices(bass="upright", chords="guitar"),
    "gated": set_voices(drums="gated"),
    "8-bit": set_voices(chords="pluck", lead="square_lead"),
    "live": _human,
    "organic": _human,
    "solo": set_fields(),  # heard by who plays
}
