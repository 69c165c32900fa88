"""Fills what a text leaves open: a guessed genre, then what it usually has. The same for the same text, always."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from ..music.genres import GENRES
from ..music.theory import Key, Mode
from .brief import BriefValues, Parsed, Reading, Readings
from .merge import lock_fields, rank
from .read import MINOR_MODES, read
from .vocabulary import table_genre
from .wordlists import word_lists

BRIGHT = {"happy", "uplifting", "hopeful", "euphoric", "festive", "playful"}
DARK = {"dark", "sad", "melancholic", "eerie", "aggressive", "tense"}


def parse_text(text: str, values: BriefValues | None = None) -> Parsed:
    """Return the brief of a text, with locked values, and the genre's defaults for what neither says."""
    parsed = read(text)
    if values is not None:
        parsed = lock_fields(parsed, values)
    return complete_brief(parsed, text)


def complete_brief(parsed: Parsed, text: str) -> Parsed:
    """Return the brief with genre, tempo, key, mode and metre filled in; random choices depend on the text alone."""
    readings = dict(parsed.readings)
    draw = zlib.crc32(" ".join(text.split()).casefold().encode("utf-8", "replace"))
    if "genre" not in readings:
        readings["genre"] = _guess(readings) or Reading(list(GENRES)[draw % len(GENRES)], None, 0.1, "genre default")
    genre = GENRES[readings["genre"].value]
    readings |= _in_tune(readings)
    mode = readings.get("mode")
    if mode is None and "key" in readings:
        mode = Reading(Key.named(readings["key"].value).mode, None, 1.0, readings["key"].origin)
    if mode is None:
        mode = _mode_of_moods(readings) or Reading(genre.mode, None, 0.3, "genre default")
    scale: Mode = "minor" if mode.value in MINOR_MODES else "major"
    readings["mode"] = mode
    defaults = {
        "bpm": int(genre.bpm) if genre.bpm == int(genre.bpm) else genre.bpm,
        "key": Key(draw // len(GENRES) % 12, scale).name,
        "time_signature": f"{genre.beats_per_bar}/4",
    }
    for name, value in defaults.items():
        readings.setdefault(name, Reading(value, None, 0.3, "genre default"))
    return Parsed(readings, parsed.unmatched, parsed.conflicts, parsed.notes)


def _in_tune(readings: Readings) -> Readings:
    """Key and mode of one scale, where they are of several origins: the stronger stays, a lock is the strongest."""
    key, mode = readings.get("key"), readings.get("mode")
    if key is None or mode is None:
        return {}
    named = Key.named(key.value)
    scale: Mode = "minor" if mode.value in MINOR_MODES else "major"
    if named.mode == scale or (_is_lock(key) and _is_lock(mode)):
        return {}
    if _is_lock(key) or (rank(key) >= rank(mode) and not _is_lock(mode)):
        return {"mode": Reading(named.mode, key.span, key.confidence, key.origin)}
    return {"key": Reading(Key(named.tonic, scale).name, key.span, key.confidence, "parsed")}


def _is_lock(reading: Reading) -> bool:
    return reading.origin == "user" and reading.span is None


def _guess(readings: Readings) -> Reading | None:
    """Return the genre that most of the words point at; the one pointed at first of equals."""
    hints = word_lists().hints
    pointing: dict[str, list[Reading]] = {}
    for word, reading in _said(readings):
        if word in hints:
            pointing.setdefault(hints[word], []).append(reading)
    if not pointing:
        return None
    family = max(pointing, key=lambda name: len(pointing[name]))
    return Reading(table_genre(family)[0], pointing[family][0].span, 0.4, "parsed")


def _said(readings: Readings) -> Iterator[tuple[str, Reading]]:
    for name in ("instruments", "moods", "production", "texture"):
        if reading := readings.get(name):
            yield from (
                (value, Reading(value, span, 1.0, "parsed"))
                for value, span in zip(reading.value, reading.spans or (None,) * len(reading.value), strict=True)
            )
    yield from ((readings[name].value, readings[name]) for name in ("era", "vocals") if name in readings)


def _mode_of_moods(readings: Readings) -> Reading | None:
    if "moods" not in readings:
        return None
    reading = readings["moods"]
    for value, span in zip(reading.value, reading.spans or (None,) * len(reading.value), strict=True):
        if value in BRIGHT | DARK:
            return Reading("major" if value in BRIGHT else "minor", span, 0.4, "parsed")
    return None
