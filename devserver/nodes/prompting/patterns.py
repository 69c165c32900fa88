"""Read values that are written with numbers and letters: tempo, key, metre, length, years, seed, variations, format."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..music.song import BPM_RANGE
from ..music.theory import TONICS
from .brief import MAX_SECONDS, MAX_VARIATIONS, TIME_SIGNATURES, Span
from .wordlists import terms, word_lists

# In curly brackets stands any word of a group; `words/en.yaml` has the groups and says what each is for.
UNITS = ("minute", "second", "hour", "bar")
SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_NUMBER = r"(?:\d{1,4}(?:[.,]\d{1,3})?(?:½)?|½|{number})"

BPM = (
    r"(?i)(?<![\w.,])(?P<low>\d{1,3}(?:[.,]\d{1,2})?)(?:\s*(?:-|–|/|{to}|{and})\s*(?P<high>\d{1,3}(?:[.,]\d{1,2})?))?"
    r"\s*-?\s*{bpm}(?!\w)"
)
TEMPO = r"(?i)\b(?:{tempo}(?:\s*(?::|=|{is}))?\s*{about}?)\s*(?P<low>\d{2,3}(?:[.,]\d{1,2})?)(?![\w:/%])"
BARE_TEMPO = (
    r"(?i)(?:\b{before_a_tempo}\s+|@\s*|,\s*)(?P<low>(?:[4-9]\d|1\d\d|2[0-2]\d))"
    r"(?=\s*(?:[,.;!)]|$|{after_a_tempo}|in\b))"
)
KEY = (
    r"(?i)(?P<before>\b{before_a_key}\s+(?:{the_key_of}\s+)?)?(?<![\w'’#])(?P<letter>[A-Ga-g])"
    r"(?:\s?-?\s?(?P<sign>#|♯|♭|sharp|flat)|(?P<b>b))?[\s-]{0,2}(?P<mode>{key_mode})\b"
)
NOTE = r"(?i)\b(?P<note>{note})[\s-]?(?P<mode>{note_mode})\b"
TONIC_ONLY = (
    r"\b(?i:{before_a_note})\s+(?P<letter>[A-G])(?P<sign>#|♯|♭|b|[ -]sharp|[ -]flat)?"
    r"(?=\s*(?:[,.;!)]|$|{after_a_note}\b))"
)
CHORD_ONLY = r"(?:^|[,;(/|]\s*|(?<=bpm)\s+)(?P<letter>[A-G])(?P<sign>#|♯|b|♭)?(?P<m>m)?(?=\s*(?:[,.;)/|]|$)|(?<=\wm) )"
METRE = r"(?i)(?<![\d/.,:])(?P<top>\d{1,2})\s?/\s?(?P<bottom>2|4|8|16)(?![\d/])(?:[\s-]?{metre})?"
MINUTES_SECONDS = r"(?i)(?<!\w)(?P<minutes>\d{1,2})m(?:in)?(?P<seconds>[0-5]?\d)s\b"
CLOCK = r"(?i)(?<![\d:])(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d)(?![\d:])(?:\s?{minute}\b)?"
LENGTH = (
    rf"(?i)(?<![\w.,:])(?!(?:303|808|909)s\b)(?P<number>{_NUMBER})(?:\s*(?:-|–|{{to}})\s*(?P<to>{_NUMBER}))?[\s-]?"
    rf"(?P<unit>{{minute}}|{{second}}|{{hour}})\b\.?"
    rf"(?:\s*(?:{{and}}|,)?\s*(?:(?P<half>{{half}})|(?P<more>{_NUMBER})[\s-]?{{second}}\b|"
    rf"(?P<bare>[1-5]\d)(?=\s*(?:[,.;!)]|$))))?"
)
BARS = r"(?i)\b(?P<number>\d{1,3}|{number})[\s-]?{bar}\b(?!\s*signature)"
NO_LENGTH_AFTER = r"(?i)^\s*(?:{long}\s+)?{not_the_length}\b"
NO_LENGTH_BEFORE = r"(?i)\b{when}\s+(?:{the}\s+)?$"
DECADE = (
    r"(?i)(?<![\w.])(?:{part_of_a_decade}[\s-]+(?:{the}\s+)?)?['’]?(?P<year>(?:19|20)\d0|[2-9]0)"
    r"{decade}\b(?:[\s-]?{years}\b)?"
)
YEAR = r"(?i)(?<![\w.#])(?P<year>19[2-9]\d|20[0-2]\d)(?![\w.:/]\d|\w|\s*(?:hz|bpm))"
SEED = r"(?i)\b(?:{random}\s+)?{seed}(?:\s+{seed_is})?\s*[:=#]?\s*(?P<seed>\d{1,12})\b"
VARIATIONS = r"(?i)(?<!\w)(?P<number>\d{1,3}|{number})\s*[x×]?\s+(?:(?!{and}\b)[^\W\d]+\s+){0,2}?{variations}\b"
FORMAT = (
    r"(?i)(?:\b{as_a}\s+(?:{a}\s+)?)?(?:(?:16|24|32)[ -]?bit[s]?[ -]+)?"
    r"\.?\b(?P<format>mp3|wav|flac|ogg|m4a|aac)\b(?:[- ]{file})?(?:[ ,]+(?:16|24|32)[ -]?bits?\b)?"
)
TUNING = r"\b[dD]rop(?:ped)?[ -](?:[A-G]\b(?:[ -]tuning)?|tuning\b|tuned\b)"
OPUS = r"(?i)(?:\b{before_opus}\s+(?:{a}\s+)?|\.)(?P<format>opus)\b"


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return a pattern with short gaps between words: long ones would be searched from each of their places."""
    text = re.sub(r"\{([a-z_]+)\}", lambda group: _group(group[1]), template)
    return re.compile(text.replace(r"\s*", r"\s{0,8}").replace(r"\s+", r"\s{1,8}"))


@cache
def _group(name: str) -> str:
    """Any of the terms of a group; the longest that fits."""
    named = {"number": "numbers", "key_mode": "key_modes", "note": "notes", "note_mode": "note_modes"}
    words = list(_names(named[name])) if name in named else terms("units" if name in UNITS else "grammar", name)
    longest_first = sorted(set(words), key=lambda term: (-len(term), term))
    return "(?:" + "|".join(r"\s+".join(map(re.escape, term.split())) for term in longest_first) + ")"


@cache
def _names(table: str) -> dict[str, str]:
    """By each term of a table, as it is written in small letters and folded, the name that it stands for."""
    lists = word_lists().tables[table]
    return {form: name for name, listed in lists.items() for term in listed for form in (term, term.casefold())}


@dataclass(frozen=True)
class PatternMatch:
    """A match of a pattern; a value of None marks text that must not be read as words."""

    field: str
    value: Any
    span: Span
    confidence: float = 1.0
    said: bool = True
    complaint: str = ""


def find_all(text: str) -> Iterator[PatternMatch]:
    """Yield the matches of all patterns, the surest first; later patterns skip the spans of earlier ones."""
    taken: list[Span] = []  # in order, none over another
    for pattern, read in READERS:
        for match in _pattern(pattern).finditer(text):
            span = match.span()
            if overlaps(span, taken):
                continue
            reading = read(match, text)
            if reading is not None:
                insort(taken, span)
                yield reading


def overlaps(span: Span, taken: Sequence[Span]) -> bool:
    """Tell whether a span shares a character with one of those taken, which are in order and apart from each other."""
    place = bisect_left(taken, (span[1],))
    return place > 0 and taken[place - 1][1] > span[0]


def number(said: str) -> float:
    """Return a number in digits or words."""
    said = " ".join(said.casefold().split())
    if said in (words := _names("numbers")):
        return float(words[said])
    half = 0.5 if said.endswith("½") else 0.0
    return float(said.rstrip("½").replace(",", ".") or 0) + half


def trim_span(match: re.Match[str]) -> Span:
    """Return the match without spaces and signs at its ends."""
    said = match[0]
    start = match.start() + len(said) - len(said.lstrip(" ,\t\n"))
    return start, match.end() - (len(said) - len(said.rstrip(" ,\t\n")))


def _bpm(match: re.Match[str], _: str) -> PatternMatch:
    low = number(match["low"])
    high = match.groupdict().get("high")
    bpm = (low + number(high)) / 2 if high else low
    span = trim_span(match)
    if not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
        problem = f"{match[0].strip()!r} in the text is not used: a tempo is {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g} bpm"
        return PatternMatch("bpm", None, span, complaint=problem)
    return PatternMatch("bpm", int(bpm) if bpm == int(bpm) else bpm, span, confidence=0.9 if high else 1.0)


def _bare_bpm(match: re.Match[str], _: str) -> PatternMatch:
    return PatternMatch("bpm", int(match["low"]), match.span("low"), confidence=0.7, said=False)


def _key(match: re.Match[str], text: str) -> PatternMatch | None:
    letter, sign, mode = match["letter"], match["sign"] or match["b"] or "", match["mode"].casefold()
    before = match["before"]
    if mode == "m" and (letter.islower() or match["mode"] != "m" or not (before or sign)):
        return None
    after = text[match.end() : match.end() + 6].casefold()
    article = letter == "a" and not sign and (after.lstrip().startswith(("key", "chord", "scale")) or not before)
    if letter.islower() and (article or (not before and not sign and mode not in {"minor", "major"})):
        return None
    if (
        letter == "A"
        and match.start("letter") == 0
        and not sign
        and not before
        and not re.match(r"\s*(?:[,.;!]|$|\d)", text[match.end() :])
    ):
        return None
    tonic = (TONICS.index(letter.upper()) + {"#": 1, "♯": 1, "sharp": 1, "": 0}.get(sign.casefold(), -1)) % 12
    return PatternMatch(
        "key", (tonic, _names("key_modes")[" ".join(mode.split())]), (match.start("letter"), match.end())
    )


def _note(match: re.Match[str], _: str) -> PatternMatch:
    """Return a note by its name in a language of the Continent, with its mode: fis-Moll."""
    tonic, mode = _names("notes")[match["note"].casefold()], _names("note_modes")[match["mode"].casefold()]
    return PatternMatch("key", (int(tonic), mode), match.span())


def _tonic(match: re.Match[str], _: str) -> PatternMatch:
    sign = (match["sign"] or "").strip(" -").casefold()
    tonic = (TONICS.index(match["letter"]) + {"": 0, "#": 1, "♯": 1, "sharp": 1}.get(sign, -1)) % 12
    return PatternMatch("key", (tonic, None), (match.start("letter"), match.end()), confidence=0.7, said=False)


def _chord(match: re.Match[str], _: str) -> PatternMatch | None:
    """Return a key between commas, as musicians note it: "funk, 105 bpm, Em". A lone letter is none."""
    if not match["sign"] and not match["m"]:
        return None
    step = {None: 0, "#": 1, "♯": 1}.get(match["sign"], -1)
    tonic = (TONICS.index(match["letter"]) + step) % 12
    span = (match.start("letter"), match.end())
    return PatternMatch("key", (tonic, "minor" if match["m"] else None), span, confidence=0.8, said=False)


def _metre(match: re.Match[str], _: str) -> PatternMatch | None:
    value = f"{int(match['top'])}/{match['bottom']}"
    if match["top"] == "1":
        return None
    if value not in TIME_SIGNATURES:
        problem = f"{match[0]!r} in the text is not used: time signatures are {', '.join(TIME_SIGNATURES)}"
        return PatternMatch("time_signature", None, match.span(), complaint=problem)
    return PatternMatch("time_signature", value, match.span())


def _clock(match: re.Match[str], text: str) -> PatternMatch | None:
    return _length_match(60 * int(match["minutes"]) + int(match["seconds"]), match, text)


def _length(match: re.Match[str], text: str) -> PatternMatch | None:
    unit = match["unit"].casefold()
    if len(unit) == 1 and not match["number"][-1:].isdigit():
        return None
    factor = SECONDS[_names("units")[unit]]
    value = number(match["number"])
    if match["to"]:
        value = (value + number(match["to"])) / 2
    seconds = value * factor
    if match["half"]:
        seconds += factor / 2
    if match["more"]:
        seconds += number(match["more"])
    if match["bare"] and factor == 60:
        seconds += int(match["bare"])
    return _length_match(seconds, match, text)


def _length_match(seconds: float, match: re.Match[str], text: str) -> PatternMatch | None:
    span = (match.start(), match.start() + len(match[0].rstrip(" ,")))
    before, after = text[max(0, match.start() - 16) : match.start()], text[match.end() : match.end() + 24]
    if _pattern(NO_LENGTH_BEFORE).search(before) or _pattern(NO_LENGTH_AFTER).match(after):
        return PatternMatch("", None, span)
    if not 0 < seconds <= MAX_SECONDS:
        problem = f"{match[0].strip()!r} in the text is not used: a length is up to {MAX_SECONDS:g} seconds"
        return PatternMatch("duration_seconds", None, span, complaint=problem)
    return PatternMatch("duration_seconds", int(seconds) if seconds == int(seconds) else seconds, span)


def _bars(match: re.Match[str], text: str) -> PatternMatch | None:
    if _pattern(NO_LENGTH_AFTER).match(text[match.end() : match.end() + 24]):
        return PatternMatch("", None, match.span())
    return PatternMatch("bars", int(number(match["number"])), match.span(), confidence=0.9, said=False)


def _decade(match: re.Match[str], _: str) -> PatternMatch | None:
    year = int(match["year"])
    if year < 100 and year < 50 and match[0].casefold().endswith("s") and "'" not in match[0]:
        return None  # "30s" is a length
    year = year if year > 100 else 1900 + year
    return PatternMatch("era", f"{year}s", trim_span(match))


def _year(match: re.Match[str], _: str) -> PatternMatch:
    return PatternMatch("era", f"{int(match['year']) // 10 * 10}s", match.span(), confidence=0.8, said=False)


def _seed(match: re.Match[str], _: str) -> PatternMatch:
    seed = int(match["seed"])
    if seed >= 2**32:
        return PatternMatch(
            "seed", None, match.span(), complaint=f"{match[0]!r} in the text is not used: a seed is up to {2**32 - 1}"
        )
    return PatternMatch("seed", seed, match.span())


def _variations(match: re.Match[str], _: str) -> PatternMatch | None:
    count = number(match["number"])
    if count < 2 or count != int(count):
        return None
    if count > MAX_VARIATIONS:
        warning = f"The text asks for {match[0]!r}; {MAX_VARIATIONS} are made, the most there can be"
        return PatternMatch("variations", MAX_VARIATIONS, match.span(), complaint=warning)
    return PatternMatch("variations", int(count), match.span())


def _format(match: re.Match[str], _: str) -> PatternMatch:
    said = match["format"].casefold()
    return PatternMatch("format", "m4a" if said == "aac" else said, match.span())


def _tuning(match: re.Match[str], _: str) -> PatternMatch:
    return PatternMatch("", None, match.span())  # a guitar's, no section and no key


READERS = (
    (TUNING, _tuning),
    (SEED, _seed),
    (BPM, _bpm),
    (TEMPO, _bpm),
    (NOTE, _note),
    (KEY, _key),
    (TONIC_ONLY, _tonic),
    (CHORD_ONLY, _chord),
    (DECADE, _decade),
    (VARIATIONS, _variations),
    (MINUTES_SECONDS, _clock),
    (LENGTH, _length),
    (CLOCK, _clock),
    (METRE, _metre),
    (BARS, _bars),
    (FORMAT, _format),
    (OPUS, _format),
    (BARE_TEMPO, _bare_bpm),
    (YEAR, _year),
)
