"""Which part and voice plays an instrument that a text names. Instruments without a line here have no part to play."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    **dict.fromkeys(("organ", "accordion", "melodica", "harmonica", "bagpipes"), _keys("organ")),
    **dict.fromkeys(
        (
            *("guitar", "acoustic guitar", "electric guitar", "nylon guitar", "spanish guitar", "slide guitar"),
            *("banjo", "mandolin", "ukulele", "sitar", "harp", "lute", "koto"),
            *("oud", "kora", "dulcimer"),
        ),
        _keys("guitar"),
    ),
    **dict.fromkeys(("strings", "orchestra", "brass", "woodwinds"), _keys("strings")),
    **dict.fromkeys(("violin", "fiddle", "viola", "cello", "trombone", "french horn"), _tune("strings")),
    **dict.fromkeys(("flute", "clarinet", "oboe", "bassoon", "whistle", "saxophone"), _tune("flute")),
    "trumpet": _tune("saw_lead"),
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
    "double bass": _bass("finger_bass"),
    **dict.fromkeys(("reese bass", "wobble bass"), _bass("reese")),
    "sub bass": _bass("sub"),
    "808": _bass("sub808"),
    "acid bass": _bass("acid"),
    "synth bass": _bass("saw_bass"),
    **dict.fromkeys(
        (
            *("drums", "drum machine", "breakbeat", "percussion", "brushes"),
            *("congas", "bongos", "tabla", "taiko", "hand drums", "frame drum"),
        ),
        DRUMS,
    ),
    "chords": (("chords", ""),),
    **dict.fromkeys(("melody", "lead"), (("lead", ""),)),
}


def seated(wanted: Iterable[str], refused: Iterable[str], *, alone: bool) -> tuple[dict[Part, str], tuple[Part, ...]]:
    """The voices by part, and the parts that are silent, for the instruments wanted and refused.

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
    muted = {INSTRUMENTS[name][0][0] for name in refused if name in INSTRUMENTS}
    if alone and players:
        for part, voice in (choice for choices in players for choice in choices):
            named.add(part)
            if voice:
                voices.setdefault(part, voice)
        muted |= set(PARTS) - named
    return voices, tuple(part for part in PARTS if part in muted)
