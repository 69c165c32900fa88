"""The chord of each bar: a progression for verses, one for choruses, one for the bridge, colours and cadences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

from .genre import Genre
from .song import Section
from .theory import Chord, Key, Mode, chord

# What a plain triad may become, by quality ("major", "minor", "dominant"), for each taste in harmony
COLOURS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "plain": {"major": ("", "", "add9"), "minor": ("",), "dominant": ("", "7")},
    "open": {"major": ("", "add9", "sus2"), "minor": ("", "add9", "7"), "dominant": ("", "sus4")},
    "sevenths": {"major": ("maj7", "6", "add9"), "minor": ("7", "9"), "dominant": ("7", "7sus4")},
    "power": {"major": ("5",), "minor": ("5",), "dominant": ("5",)},
}
CADENCES: Mapping[Mode, tuple[str, ...]] = {"major": ("V", "V7", "IV", "ii7"), "minor": ("V7", "VII", "iv", "V")}
# Progressions in the modes of the church, for a text that names one
MODAL: Mapping[str, tuple[str, ...]] = {
    "dorian": ("i IV i IV", "i VII IV i", "i i IV VII", "i III IV i"),
    "phrygian": ("i bII i bII", "i VII bII i", "i i bII VII", "i bII III i"),
    "mixolydian": ("I bVII IV I", "I bVII I IV", "I v bVII IV", "I I bVII bVII"),
    "lydian": ("I II I II", "I iii II I", "I I II vi", "I vi II I"),
    "locrian": ("i° bII i° VII", "i° iv bII i°"),
}
CHORUSES = frozenset({"chorus", "drop", "break", "solo", "outro"})
# The last chord of all
LAST: Mapping[str, Mapping[Mode, tuple[str, ...]]] = {
    "plain": {"major": ("I", "I", "Iadd9"), "minor": ("i", "i", "iadd9")},
    "open": {"major": ("I", "Iadd9"), "minor": ("i", "i", "iadd9")},
    "sevenths": {"major": ("Imaj7", "I69", "Iadd9", "I6"), "minor": ("i7", "i9", "i6", "iadd9")},
    "power": {"major": ("I5", "I"), "minor": ("i5", "i")},
}
PLAIN = re.compile(r"b?[ivIV]+")
TONIC = re.compile(r"[iI](?![ivIV])")


def harmonies(genre: Genre, key: Key, sections: Sequence[Section], rng: Random, *, mode: str = "") -> list[Chord]:
    """One chord a bar. A section's last bar leads into the next; the last bar of all is the tonic."""
    choices = [line.split() for line in MODAL.get(mode) or genre.progressions[key.mode]]
    drawn = [_colour_chords(line, genre, rng) for line in rng.sample(choices, min(3, len(choices)))]
    verse, chorus, bridge = (drawn * 3)[:3]
    tonic = next((symbol for symbol in verse if _is_tonic(symbol)), "i" if key.mode == "minor" else "I")
    made: list[Chord] = []
    for number, section in enumerate(sections):
        line = bridge if section.name == "bridge" else chorus if section.name in CHORUSES else verse
        # A progression is heard from its beginning to its end, also where a section is too short for its usual pace.
        pace = genre.bars_per_chord if section.bars >= len(line) * genre.bars_per_chord else 1
        stride = max(1, len(line) // section.bars)
        symbols = [line[offset // pace * stride % len(line)] for offset in range(section.bars)]
        if section.name == "ending":
            symbols = [tonic] * section.bars
        elif section.bars >= 4 and number < len(sections) - 1 and rng.randrange(10) < genre.cadences_in_ten:
            symbols[-1] = rng.choice(CADENCES[key.mode])
        made += [chord(key, symbol) for symbol in symbols]
    made[-1] = chord(key, rng.choice(LAST[genre.colours][key.mode]))
    return made


def _colour_chords(line: Sequence[str], genre: Genre, rng: Random) -> list[str]:
    """Return the line with its plain triads in one colour each."""
    taste = COLOURS[genre.colours]
    colours: dict[str, str] = {}
    for symbol in line:
        if not PLAIN.fullmatch(symbol):  # it says itself what it is
            colours[symbol] = symbol
        elif symbol not in colours:
            quality = "dominant" if symbol == "V" else "major" if symbol.strip("b").isupper() else "minor"
            colours[symbol] = symbol + rng.choice(taste[quality])
    return [colours[symbol] for symbol in line]


def _is_tonic(symbol: str) -> bool:
    return TONIC.match(symbol) is not None
