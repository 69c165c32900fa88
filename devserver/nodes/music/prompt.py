"""Reads tempo, key, genre, mood and instruments from a text in English or German. Deterministic, without a model."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from .genres import GENRES
from .song import BPM_RANGE, PARTS, Brief, Mood, Part
from .theory import TONICS, Key, Mode

MOOD_WORDS: dict[Mood, tuple[str, ...]] = {
    "bright": (
        *("bright", "happy", "cheerful", "uplifting", "sunny", "joyful", "playful", "hopeful"),
        *("fröhlich", "heiter", "hell", "glücklich", "sonnig", "hoffnungsvoll"),
    ),
    "dark": (
        *("dark", "gloomy", "sad", "sinister", "melancholic", "melancholy", "moody", "haunting", "menacing", "eerie"),
        *("düster", "dunkel", "traurig", "melancholisch", "bedrohlich", "unheimlich"),
    ),
    "calm": (
        *("calm", "chill", "relaxed", "relaxing", "peaceful", "gentle", "soft", "mellow", "dreamy", "quiet"),
        *("ruhig", "entspannt", "entspannend", "sanft", "leise", "verträumt", "friedlich"),
    ),
    "energetic": (
        *("energetic", "driving", "powerful", "aggressive", "hard", "intense", "fast", "wild", "upbeat"),
        *("energisch", "treibend", "kraftvoll", "aggressiv", "hart", "schnell", "mitreißend"),
    ),
}

# The parts that an instrument can play, the usual one first, with the voice that plays it.
INSTRUMENTS: dict[str, tuple[tuple[Part, str], ...]] = {
    r"e-?pianos?|electric pianos?|rhodes": (("chords", "epiano"), ("lead", "epiano")),
    r"pianos?|klavier\w*|flügel": (("chords", "piano"), ("lead", "piano")),
    r"organs?|orgeln?": (("chords", "organ"), ("lead", "organ")),
    r"guitars?|gitarren?": (("chords", "guitar"), ("lead", "guitar")),
    r"strings?|violins?|orchestra|streicher\w*|geigen?|orchester": (("chords", "strings"), ("lead", "strings")),
    r"pads?|flächen?": (("chords", "pad"),),
    r"synths?|synthesi[sz]ers?": (("lead", "saw_lead"), ("chords", "supersaw")),
    r"flutes?|flöten?": (("lead", "flute"),),
    r"bells?|glocken?|glockenspiel|vibraphones?|vibraphon|marimbas?|celestas?": (("lead", "bell"),),
    r"808s?": (("bass", "sub808"),),
    r"bass(?:es|[- ]?lines?|[- ]?guitars?)?|bässe|bassgitarren?": (("bass", ""),),
    r"drums?|drum ?kits?|percussion|beats?|schlagzeug|trommeln?|perkussion": (("drums", ""),),
    r"chords?|akkorde?|harmon(?:y|ies|ien?)": (("chords", ""),),
    r"lead|melod(?:y|ies|ien?)": (("lead", ""),),
}

_FLAT_NAMES = {"CB": 11, "DB": 1, "EB": 3, "FB": 4, "GB": 6, "AB": 8, "BB": 10}
_GERMAN_TONICS = {
    name: pitch_class
    for pitch_class, names in enumerate(
        ("c", "cis/des", "d", "dis/es", "e", "f", "fis/ges", "g", "gis/as", "a", "ais/b", "h")
    )
    for name in names.split("/")
}
_BPM = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:[.,]\d+)?)\s*-?\s*(?:bpm|beats per minute|schläge pro minute)\b", re.IGNORECASE
)
_GERMAN_KEY = re.compile(r"\b([a-h](?:is|es|s)?)[\s-]?(moll|dur)\b", re.IGNORECASE)
_ENGLISH_KEY = re.compile(
    r"(?<![\w'])([A-Ga-g])\s?-?\s?(#|♯|b|♭|sharp|flat)?[\s-]?(minor|major|min|maj)\b(\s+key)?", re.IGNORECASE
)
_SHORT_KEY = re.compile(r"\b(?:in|key:?)\s+([A-G])(#|b)?m\b")
_MODE_WORD = re.compile(r"\b(minor|major|moll|dur)\b", re.IGNORECASE)
_ARTICLE = r"(?:(?:any|an?|the|eine?[nmrs]?|die|das|der|den)\s+)?"
_OR = {"or", "nor", "oder", "noch"}
_MENTION = re.compile(
    rf"(?:(?P<without>\b(?:no|without|ohne|keine?[nmrs]?)\s+)|(?P<only>\b(?:only|solo|just|nur)\s+))?{_ARTICLE}\b(?:"
    + "|".join(f"(?P<i{index}>{words})" for index, words in enumerate(INSTRUMENTS))
    + r")\b",
    re.IGNORECASE,
)
_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True)
class Asked:
    """What was set beside the text; None and "" leave a thing to the text."""

    genre: str | None = None
    bpm: float | None = None
    key: str | None = None
    mood: Mood | None = None
    instruments: str = ""


def parse(prompt: str, asked: Asked, *, seconds: float, seed: int) -> Brief:
    """The brief for a text: what is asked beside it first, then its words, then the genre's defaults.

    A text without a genre word still gets one, always the same, so that its seeds differ in notes and not in style.

    Raises:
        ValueError: a value is out of range; the message names the field, the value and what is allowed.
    """
    remarks: list[str] = []
    draw = zlib.crc32(" ".join(prompt.split()).casefold().encode())
    genre = asked.genre or genre_in(prompt) or list(GENRES)[draw % len(GENRES)]
    if genre not in GENRES:
        raise ValueError(f"genre is {genre!r}; allowed is auto or one of {', '.join(GENRES)}")
    mood = asked.mood or mood_in(prompt) or "neutral"
    bpm = asked.bpm or bpm_in(prompt, remarks) or GENRES[genre].bpm
    if not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
        raise ValueError(
            f"bpm is {bpm:g}; allowed is 0 (from the text or the genre) or {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g}"
        )
    key = asked.key or _key(prompt, mood, GENRES[genre].mode, draw // len(GENRES)).name
    voices, muted = instruments_in(f"{asked.instruments}. {prompt}")
    if len(muted) == len(PARTS):
        raise ValueError("instruments and prompt leave nothing to play; allowed is to leave out three parts of four")
    return Brief(
        prompt=prompt,
        genre=genre,
        bpm=bpm,
        key=key,
        mood=mood,
        voices=voices,
        muted=muted,
        seconds=seconds,
        seed=seed,
        remarks=tuple(remarks),
    )


def genre_in(text: str) -> str | None:
    """The genre with the longest matching word; the earliest of equals."""
    return _longest_match(text, {name: genre.words for name, genre in GENRES.items()})


def mood_in(text: str) -> Mood | None:
    return _longest_match(text, MOOD_WORDS, endings="(?:e[rsnm]?)?")


def bpm_in(text: str, remarks: list[str] | None = None) -> float | None:
    """The first tempo in the text that music can have; others are added to `remarks`."""
    for found in _BPM.finditer(text):
        bpm = float(found[1].replace(",", "."))
        if BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
            return bpm
        if remarks is not None:
            remarks.append(f"{found[0]!r} in the text is not used: a tempo is {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g} bpm")
    return None


def key_in(text: str) -> Key | None:
    """The key written in the text, such as "in A minor", "F# major", "B flat major", "fis-Moll", "Es-Dur"."""
    if found := _GERMAN_KEY.search(text):
        tonic = _GERMAN_TONICS.get(found[1].lower())
        if tonic is not None:
            return Key(tonic, "minor" if found[2].lower() == "moll" else "major")
    for found in _ENGLISH_KEY.finditer(text):
        letter, sign, mode, before = found[1], found[2], found[3].lower(), text[: found.start()].lower()
        article = letter == "a" and not sign and (found[4] or not before.rstrip().endswith(("in", "key of", "key:")))
        if letter.isupper() or not article:
            return Key(_tonic(letter, sign), "minor" if mode.startswith("min") else "major")
    if found := _SHORT_KEY.search(text):
        return Key(_tonic(found[1], found[2]), "minor")
    return None


def instruments_in(text: str) -> tuple[dict[Part, str], tuple[Part, ...]]:
    """The voices asked for by part, and the parts that are to be silent ("no drums", "ohne Bass", "solo piano").

    A second instrument of the same part plays the other part that it can play: "piano and guitar".
    """
    voices: dict[Part, str] = {}
    muted: set[Part] = set()
    named: set[Part] = set()
    alone: dict[Part, str] = {}
    without_until = -1
    for found in _MENTION.finditer(text):
        choices = list(INSTRUMENTS.values())[int(str(found.lastgroup)[1:])]
        joined = without_until >= 0 and text[without_until : found.start()].strip().casefold() in _OR
        if found["without"] or joined:
            muted.add(choices[0][0])
            without_until = found.end()
            continue
        part, voice = next((choice for choice in choices if choice[0] not in voices), choices[0])
        named.add(part)
        if voice:
            voices.setdefault(part, voice)
        if found["only"]:
            alone.update(choices)
    if alone:
        voices = {part: voice for part, voice in alone.items() if voice} | voices
        muted.update(part for part in PARTS if part not in named and part not in alone)
    return voices, tuple(part for part in PARTS if part in muted)


def _key(text: str, mood: Mood, genre_mode: Mode, draw: int) -> Key:
    if found := key_in(text):
        return found
    mode: Mode = {"bright": "major", "dark": "minor"}.get(mood, genre_mode)  # type: ignore[assignment]
    if word := _MODE_WORD.search(text):
        mode = "minor" if word[1].lower() in {"minor", "moll"} else "major"
    return Key(draw % 12, mode)


def _tonic(letter: str, sign: str | None) -> int:
    sign = (sign or "").lower()
    if sign in {"b", "♭", "flat"}:
        return _FLAT_NAMES[letter.upper() + "B"]
    return (TONICS.index(letter.upper()) + (sign != "")) % 12


def _longest_match(text: str, table: Mapping[_Name, tuple[str, ...]], endings: str = "") -> _Name | None:
    folded = text.casefold()
    matches = [
        (-len(word), found.start(), name)
        for name, words in table.items()
        for word in words
        if (found := re.search(rf"(?<!\w){re.escape(word.casefold())}{endings}(?!\w)", folded))
    ]
    return min(matches)[2] if matches else None
