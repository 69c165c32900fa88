"""The part and voice for each instrument that a text can name. Instruments without a line here have no part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .genre import Genre
from .song import PARTS, Part

Players = tuple[tuple[Part, str], ...]


def _keys(voice: str) -> Players:
    return (("chords", voice), ("lead", voice))


def _tune(voice: str) -> Players:
    return (("lead", voice), ("chords", voice))


def _bass(voice: str = "") -> Players:
    return (("bass", voice),)


DRUMS: Players = (("drums", ""),)
# The usual part first; "" leaves the voice to the genre.
INSTRUMENTS: Mapping[str, Players] = {
    **dict.fromkeys(("piano", "harpsichord"), _keys("piano")),
    "electric piano": _keys("epiano"),
    "organ": _keys("organ"),
    **dict.fromkeys(("accordion", "bagpipes"), _keys("accordion")),
    **dict.fromkeys(("melodica", "harmonica"), _tune("melodica")),
    **dict.fromkeys(("guitar", "acoustic guitar", "banjo", "mandolin", "ukulele", "sitar"), _keys("guitar")),
    "electric guitar": (("chords", "power"), ("lead", "lead_guitar")),
    "slide guitar": _tune("lead_guitar"),
    **dict.fromkeys(("nylon guitar", "spanish guitar", "lute", "oud", "koto"), _keys("nylon")),
    **dict.fromkeys(("harp", "kora", "dulcimer"), _keys("harp")),
    **dict.fromkeys(("strings", "orchestra"), _keys("strings")),
    **dict.fromkeys(("violin", "fiddle", "viola"), _tune("violin")),
    "cello": (("lead", "strings"), ("bass", "low_strings")),
    "brass": _keys("brass"),
    **dict.fromkeys(("trombone", "french horn", "tuba"), _tune("horn")),
    "trumpet": _tune("trumpet"),
    **dict.fromkeys(("flute", "clarinet", "oboe", "bassoon", "whistle", "saxophone", "woodwinds"), _tune("flute")),
    "choir": _keys("choir"),
    **dict.fromkeys(
        (
            *("bell", "glockenspiel", "vibraphone", "marimba", "xylophone", "celesta", "music box", "kalimba"),
            *("steel drums", "singing bowl", "handpan"),
        ),
        (("lead", "bell"),),
    ),
    "pad": (("chords", "pad"),),
    "synth": (("lead", "saw_lead"), ("chords", "supersaw")),
    "supersaw": (("chords", "supersaw"), ("lead", "saw_lead")),
    "stab": (("chords", "stab"),),
    **dict.fromkeys(("pluck", "arpeggio"), (("lead", "pluck"),)),
    "theremin": (("lead", "saw_lead"),),
    "bass": _bass(),
    **dict.fromkeys(("bass guitar", "slap bass"), _bass("pick_bass")),
    "double bass": _bass("upright"),
    **dict.fromkeys(("reese bass", "wobble bass"), _bass("reese")),
    "sub bass": _bass("sub"),
    "808": _bass("sub808"),
    "acid bass": _bass("acid"),
    "synth bass": _bass("saw_bass"),
    **dict.fromkeys(
        (
            *("drums", "drum machine", "breakbeat", "percussion", "brushes", "kick", "snare", "hi-hat", "claps"),
            *("congas", "bongos", "tabla", "taiko", "hand drums", "frame drum"),
        ),
        DRUMS,
    ),
    "chords": (("chords", ""),),
    **dict.fromkeys(("melody", "lead"), (("lead", ""),)),
}

# Refused, these silence their part. Refused instruments of other names keep their voices away, and the part plays on.
WHOLE_PARTS = frozenset({"drums", "percussion", "bass", "chords", "melody", "lead"})
KINDS: Mapping[str, frozenset[str]] = {
    "guitar": frozenset({"guitar", "nylon", "power", "lead_guitar", "chop"}),
    "strings": frozenset({"strings", "violin", "low_strings", "pizzicato"}),
    "brass": frozenset({"brass", "horn", "trumpet"}),
    "synth": frozenset({"saw_lead", "square_lead", "supersaw", "pluck", "stab", "pad"}),
    "piano": frozenset({"piano", "epiano"}),
}
OTHERS: Mapping[Part, tuple[str, ...]] = {
    "bass": ("finger_bass", "saw_bass"),
    "chords": ("epiano", "organ", "strings"),
    "lead": ("flute", "bell", "square_lead"),
}


def assign_voices(
    wanted: Iterable[str], refused: Iterable[str], *, alone: bool
) -> tuple[dict[Part, str], tuple[Part, ...]]:
    """Return the voices by part, and the parts that are silent, for the instruments wanted and refused.

    A second instrument of the same part plays the other part that it can play: "piano and guitar". Where the
    instruments are to be `alone`, the parts that none of them plays are silent.
    """
    voices: dict[Part, str] = {}
    named: set[Part] = set()
    players = [INSTRUMENTS[name] for name in wanted if name in INSTRUMENTS]
    for choices in players:
        part, voice = next((choice for choice in choices if choice[0] not in voices), choices[0])
        named.add(part)
        if voice:
            voices.setdefault(part, voice)
    muted = {INSTRUMENTS[name][0][0] for name in refused if name in WHOLE_PARTS}
    if alone and players:
        for part, voice in (choice for choices in players for choice in choices):
            named.add(part)
            if voice:
                voices.setdefault(part, voice)
        muted |= set(PARTS) - named
    return voices, tuple(part for part in PARTS if part in muted)


def mute_refused(
    refused: Iterable[str], genre: Genre, voices: Mapping[Part, str], muted: Collection[Part]
) -> dict[Part, str]:
    """Return the voices, with others in place of refused instruments of the genre, or muted parts."""
    kept_away: set[str] = set()
    for name in refused:
        if name in INSTRUMENTS and name not in WHOLE_PARTS:
            kept_away |= KINDS.get(name, frozenset()) | {voice for _, voice in INSTRUMENTS[name]}
    seats = dict(voices)
    for part, others in OTHERS.items():
        own = seats.get(part, genre.voices[part])
        layered = any(layer.part == part and layer.voice in kept_away for layer in genre.layers)
        if part not in muted and (own in kept_away or layered):
            seats[part] = next((voice for voice in (own, *others) if voice not in kept_away), own)
    return seats
