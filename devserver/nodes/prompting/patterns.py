"""What is written with numbers and letters: tempo, key, metre, length, years, seed, variations, format."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..music.song import BPM_RANGE
from ..music.theory import TONICS
from .brief import MAX_SECONDS, MAX_VARIATIONS, TIME_SIGNATURES, Span

NUMBER_WORDS = {
    **dict.fromkeys(("one", "a", "an", "ein", "eine", "einen", "einer", "single"), 1.0),
    **dict.fromkeys(("two", "zwei", "couple of", "a couple of"), 2.0),
    **dict.fromkeys(("three", "drei"), 3.0),
    **dict.fromkeys(("four", "vier"), 4.0),
    **dict.fromkeys(("five", "fünf"), 5.0),
    **dict.fromkeys(("six", "sechs"), 6.0),
    **dict.fromkeys(("seven", "sieben"), 7.0),
    **dict.fromkeys(("eight", "acht"), 8.0),
    **dict.fromkeys(("nine", "neun"), 9.0),
    **dict.fromkeys(("ten", "zehn"), 10.0),
    **dict.fromkeys(("twelve", "zwölf"), 12.0),
    **dict.fromkeys(("fifteen", "fünfzehn"), 15.0),
    **dict.fromkeys(("twenty", "zwanzig"), 20.0),
    **dict.fromkeys(("thirty", "dreißig", "dreissig"), 30.0),
    **dict.fromkeys(("forty", "vierzig"), 40.0),
    **dict.fromkeys(("fortyfive", "forty five", "forty-five", "fünfundvierzig"), 45.0),
    **dict.fromkeys(("sixty", "sechzig"), 60.0),
    **dict.fromkeys(("ninety", "neunzig"), 90.0),
    **dict.fromkeys(("half a", "half an", "half", "halbe", "eine halbe", "einer halben", "halben"), 0.5),
    **dict.fromkeys(("one and a half", "eineinhalb", "anderthalb", "a minute and a half"), 1.5),
    **dict.fromkeys(("two and a half", "zweieinhalb"), 2.5),
    **dict.fromkeys(("three and a half", "dreieinhalb"), 3.5),
    **dict.fromkeys(("four and a half", "viereinhalb"), 4.5),
}
_WORDS = "|".join(re.escape(word) for word in sorted(NUMBER_WORDS, key=len, reverse=True))
_NUMBER = rf"(?:\d{{1,4}}(?:[.,]\d{{1,3}})?(?:½)?|½|{_WORDS})"
_FLAGS = re.IGNORECASE


def _pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern in which a gap between words is short: a long one would be gone through from each of its places."""
    return re.compile(text.replace(r"\s*", r"\s{0,8}").replace(r"\s+", r"\s{1,8}"), flags)


BPM = _pattern(
    r"(?<![\w.,])(?P<low>\d{1,3}(?:[.,]\d{1,2})?)(?:\s*(?:-|–|to|bis|/|and|und)\s*(?P<high>\d{1,3}(?:[.,]\d{1,2})?))?\s*-?\s*"
    r"(?:bpm|b\.p\.m\.|beats? (?:per|a) minute|schläge(?:n)? (?:pro|in der) minute)(?!\w)",
    _FLAGS,
)
TEMPO = _pattern(
    r"\b(?:(?:tempo|bpm|speed|geschwindigkeit)(?:\s*(?:of|von|is|ist|at|bei|:|=))?\s*(?:about|around|ca\.?|etwa)?)\s*"
    r"(?P<low>\d{2,3}(?:[.,]\d{1,2})?)(?![\w:/%])",
    _FLAGS,
)
BARE_TEMPO = _pattern(
    r"(?:\b(?:at|around|bei|in|mit|auf)\s+|@\s*|,\s*)(?P<low>(?:[4-9]\d|1\d\d|2[0-2]\d))(?=\s*(?:[,.;!)]|$|with|and|in\b|mit|und))",
    _FLAGS,
)
_MODES = (
    r"(?P<mode>(?:natural |harmonic |melodic )?(?:minor|major)|min|maj|m(?![\w])|"
    r"dorian|phrygian|lydian|mixolydian|aeolian|ionian|locrian|dorisch|phrygisch|lydisch|mixolydisch|äolisch)"
)
KEY = _pattern(
    r"(?P<before>\b(?:in|key of|key|key:|to|tonart:?)\s+(?:the key of\s+)?)?"
    r"(?<![\w'’#])(?P<letter>[A-Ga-g])(?:\s?-?\s?(?P<sign>#|♯|♭|sharp|flat)|(?P<b>b))?[\s-]{0,2}" + _MODES + r"\b",
    _FLAGS,
)
GERMAN_KEY = _pattern(r"\b(?P<tonic>[a-h](?:is|es|s)?)[\s-]?(?P<mode>moll|dur)\b", _FLAGS)
TONIC_ONLY = _pattern(
    r"\b(?i:in the key of|key of|key:|in|tonart:?)\s+(?P<letter>[A-G])(?P<sign>#|♯|♭|b|[ -]sharp|[ -]flat)?"
    r"(?=\s*(?:[,.;!)]|$|with\b|and\b|at\b|mit\b|und\b|around\b))"
)
CHORD_ONLY = _pattern(
    r"(?:^|[,;(/|]\s*|(?<=bpm)\s+)(?P<letter>[A-G])(?P<sign>#|♯|b|♭)?(?P<m>m)?(?=\s*(?:[,.;)/|]|$)|(?<=\wm) )"
)
GERMAN_TONICS = {
    name: pitch_class
    for pitch_class, names in enumerate(
        ("c/his", "cis/des", "d", "dis/es", "e/fes", "f", "fis/ges", "g", "gis/as", "a", "ais/b", "h/ces")
    )
    for name in names.split("/")
}
METRE = _pattern(
    r"(?<![\d/.,:])(?P<top>\d{1,2})\s?/\s?(?P<bottom>2|4|8|16)(?![\d/])"
    r"(?:[\s-]?(?:time signature|time|takt|met(?:re|er)))?",
    _FLAGS,
)
MINUTES_SECONDS = _pattern(r"(?<!\w)(?P<minutes>\d{1,2})m(?:in)?(?P<seconds>[0-5]?\d)s\b", _FLAGS)
CLOCK = _pattern(
    r"(?<![\d:])(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d)(?![\d:])(?:\s?(?:min(?:utes?|uten)?)\b)?", _FLAGS
)
_MINUTE = r"(?:minutes?|minuten?|minütig\w*|mins?|m)"
_SECOND = r"(?:seconds?|sekunden?|sekündig\w*|secs?|sek|s)"
LENGTH = _pattern(
    rf"(?<![\w.,:])(?!(?:303|808|909)s\b)(?P<number>{_NUMBER})(?:\s*(?:-|–|to|bis)\s*(?P<to>{_NUMBER}))?[\s-]?"
    rf"(?P<unit>{_MINUTE}|{_SECOND}|hours?|stunden?|h)\b\.?"
    rf"(?:\s*(?:and|und|,)?\s*(?:(?P<half>a half|half)|(?P<more>{_NUMBER})[\s-]?{_SECOND}\b|"
    rf"(?P<bare>[1-5]\d)(?=\s*(?:[,.;!)]|$))))?",
    _FLAGS,
)
BARS = _pattern(rf"\b(?P<number>\d{{1,3}}|{_WORDS})[\s-]?(?:bars?|measures?|takte?n?)\b(?!\s*signature)", _FLAGS)
NO_LENGTH_AFTER = _pattern(
    r"^\s*(?:long\s+|lange[snrm]?\s+)?(?:intros?|outros?|fades?|breaks?|build(?:[- ]?ups?)?|drops?|breakdowns?|solos?|"
    r"in\b|into\b|delay|reverb|attack|release|decay|later|before|apart)\b",
    _FLAGS,
)
NO_LENGTH_BEFORE = _pattern(
    r"\b(?:after|at|every|from|until|nach|alle|ab|first|last|ersten|letzten|by|vor)\s+(?:the\s+|den\s+)?$", _FLAGS
)
DECADE = _pattern(
    r"(?<![\w.])(?:(?:early|late|mid|frühe|späte)[\s-]+(?:the\s+)?)?['’]?(?P<year>(?:19|20)\d0|[2-9]0)"
    r"(?:['’]?s|er(?:n|[\s-]?jahre)?)\b(?:[\s-]?jahre\b)?",
    _FLAGS,
)
YEAR = _pattern(r"(?<![\w.#])(?P<year>19[2-9]\d|20[0-2]\d)(?![\w.:/]\d|\w|\s*(?:hz|bpm))", _FLAGS)
SEED = _pattern(
    r"\b(?:random\s+)?(?:seed|startwert)(?:\s+(?:of|is|von|number))?\s*[:=#]?\s*(?P<seed>\d{1,12})\b", _FLAGS
)
VARIATIONS = _pattern(
    rf"(?<!\w)(?P<number>\d{{1,3}}|{_WORDS})\s*[x×]?\s+(?:(?!and\b|und\b)[^\W\d]+\s+){{0,2}}?"
    r"(?:variations?|versions?|variants?|takes?|options?|alternatives?|"
    r"varianten?|version(?:en)?|variationen?|fassung(?:en)?|alternativen)\b",
    _FLAGS,
)
FORMAT = _pattern(
    r"(?:\b(?:as|als|in|to|format:?|export(?:ed)? (?:as|to)|im)\s+(?:an?\s+|eine?\s+)?)?"
    r"(?:(?:16|24|32)[ -]?bit[s]?[ -]+)?"
    r"\.?\b(?P<format>mp3|wav|flac|ogg|m4a|aac)\b(?:[- ](?:file|datei|format))?"
    r"(?:[ ,]+(?:16|24|32)[ -]?bits?\b)?",
    _FLAGS,
)
TUNING = _pattern(r"\b[dD]rop(?:ped)?[ -](?:[A-G]\b(?:[ -]tuning)?|tuning\b|tuned\b)")
OPUS = _pattern(r"(?:\b(?:as|als|format:?|to)\s+(?:an?\s+)?|\.)(?P<format>opus)\b", _FLAGS)


@dataclass(frozen=True)
class Found:
    """A value that a pattern found; a value of None is a place that must not be read as words."""

    field: str
    value: Any
    span: Span
    confidence: float = 1.0
    said: bool = True
    complaint: str = ""


def find_all(text: str) -> Iterator[Found]:
    """What the patterns find, the surest first; later ones do not look at what earlier ones took."""
    taken: list[Span] = []  # in order, none over another
    for pattern, read in READERS:
        for match in pattern.finditer(text):
            span = match.span()
            if overlaps(span, taken):
                continue
            found = read(match, text)
            if found is not None:
                insort(taken, span)
                yield found


def overlaps(span: Span, taken: Sequence[Span]) -> bool:
    """Whether a span shares a character with one of those taken, which are in order and apart from each other."""
    place = bisect_left(taken, (span[1],))
    return place > 0 and taken[place - 1][1] > span[0]


def number(said: str) -> float:
    """A number in digits or words."""
    said = said.casefold().strip()
    if said in NUMBER_WORDS:
        return NUMBER_WORDS[said]
    half = 0.5 if said.endswith("½") else 0.0
    return float(said.rstrip("½").replace(",", ".") or 0) + half


def trimmed(match: re.Match[str]) -> Span:
    """The match without spaces and signs at its ends."""
    said = match[0]
    start = match.start() + len(said) - len(said.lstrip(" ,\t\n"))
    return start, match.end() - (len(said) - len(said.rstrip(" ,\t\n")))


def _bpm(match: re.Match[str], _: str) -> Found:
    low = number(match["low"])
    high = match.groupdict().get("high")
    bpm = (low + number(high)) / 2 if high else low
    span = trimmed(match)
    if not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
        told = f"{match[0].strip()!r} in the text is not used: a tempo is {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g} bpm"
        return Found("bpm", None, span, complaint=told)
    return Found("bpm", int(bpm) if bpm == int(bpm) else bpm, span, confidence=0.9 if high else 1.0)


def _bare_bpm(match: re.Match[str], _: str) -> Found:
    return Found("bpm", int(match["low"]), match.span("low"), confidence=0.7, said=False)


def _key(match: re.Match[str], text: str) -> Found | None:
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
    return Found("key", (tonic, MODE_OF.get(mode.split()[-1], mode)), (match.start("letter"), match.end()))


MODE_OF = {
    "m": "minor",
    "min": "minor",
    "maj": "major",
    "dorisch": "dorian",
    "phrygisch": "phrygian",
    "lydisch": "lydian",
    "mixolydisch": "mixolydian",
    "äolisch": "aeolian",
}


def _german_key(match: re.Match[str], _: str) -> Found | None:
    tonic = GERMAN_TONICS.get(match["tonic"].casefold())
    mode = "minor" if match["mode"].casefold() == "moll" else "major"
    return None if tonic is None else Found("key", (tonic, mode), match.span())


def _tonic(match: re.Match[str], _: str) -> Found:
    sign = (match["sign"] or "").strip(" -").casefold()
    tonic = (TONICS.index(match["letter"]) + {"": 0, "#": 1, "♯": 1, "sharp": 1}.get(sign, -1)) % 12
    return Found("key", (tonic, None), (match.start("letter"), match.end()), confidence=0.7, said=False)


def _chord(match: re.Match[str], _: str) -> Found | None:
    """A key between commas, as musicians note it: "funk, 105 bpm, Em". A lone letter is none."""
    if not match["sign"] and not match["m"]:
        return None
    step = {None: 0, "#": 1, "♯": 1}.get(match["sign"], -1)
    tonic = (TONICS.index(match["letter"]) + step) % 12
    span = (match.start("letter"), match.end())
    return Found("key", (tonic, "minor" if match["m"] else None), span, confidence=0.8, said=False)


def _metre(match: re.Match[str], _: str) -> Found | None:
    value = f"{int(match['top'])}/{match['bottom']}"
    if match["top"] == "1":
        return None
    if value not in TIME_SIGNATURES:
        told = f"{match[0]!r} in the text is not used: time signatures are {', '.join(TIME_SIGNATURES)}"
        return Found("time_signature", None, match.span(), complaint=told)
    return Found("time_signature", value, match.span())


def _clock(match: re.Match[str], text: str) -> Found | None:
    return _length_found(60 * int(match["minutes"]) + int(match["seconds"]), match, text)


def _length(match: re.Match[str], text: str) -> Found | None:
    unit = match["unit"].casefold()
    if unit in {"s", "m", "h"} and not match["number"][-1:].isdigit():
        return None
    factor = 1 if unit.startswith("s") and not unit.startswith("st") else 3600 if unit[0] in "hs" else 60
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
    return _length_found(seconds, match, text)


def _length_found(seconds: float, match: re.Match[str], text: str) -> Found | None:
    span = (match.start(), match.start() + len(match[0].rstrip(" ,")))
    if NO_LENGTH_BEFORE.search(text[max(0, match.start() - 16) : match.start()]) or NO_LENGTH_AFTER.match(
        text[match.end() : match.end() + 24]
    ):
        return Found("", None, span)
    if not 0 < seconds <= MAX_SECONDS:
        told = f"{match[0].strip()!r} in the text is not used: a length is up to {MAX_SECONDS:g} seconds"
        return Found("duration_seconds", None, span, complaint=told)
    return Found("duration_seconds", int(seconds) if seconds == int(seconds) else seconds, span)


def _bars(match: re.Match[str], text: str) -> Found | None:
    if NO_LENGTH_AFTER.match(text[match.end() : match.end() + 24]):
        return Found("", None, match.span())
    return Found("bars", int(number(match["number"])), match.span(), confidence=0.9, said=False)


def _decade(match: re.Match[str], _: str) -> Found | None:
    year = int(match["year"])
    if year < 100 and year < 50 and match[0].casefold().endswith("s") and "'" not in match[0]:
        return None  # "30s" is a length
    year = year if year > 100 else 1900 + year
    return Found("era", f"{year}s", trimmed(match))


def _year(match: re.Match[str], _: str) -> Found:
    return Found("era", f"{int(match['year']) // 10 * 10}s", match.span(), confidence=0.8, said=False)


def _seed(match: re.Match[str], _: str) -> Found:
    seed = int(match["seed"])
    if seed >= 2**32:
        return Found(
            "seed", None, match.span(), complaint=f"{match[0]!r} in the text is not used: a seed is up to {2**32 - 1}"
        )
    return Found("seed", seed, match.span())


def _variations(match: re.Match[str], _: str) -> Found | None:
    count = number(match["number"])
    if count < 2 or count != int(count):
        return None
    if count > MAX_VARIATIONS:
        told = f"The text asks for {match[0]!r}; {MAX_VARIATIONS} are made, the most there can be"
        return Found("variations", MAX_VARIATIONS, match.span(), complaint=told)
    return Found("variations", int(count), match.span())


def _format(match: re.Match[str], _: str) -> Found:
    said = match["format"].casefold()
    return Found("format", "m4a" if said == "aac" else said, match.span())


def _tuning(match: re.Match[str], _: str) -> Found:
    return Found("", None, match.span())  # a guitar's, no section and no key


READERS = (
    (TUNING, _tuning),
    (SEED, _seed),
    (BPM, _bpm),
    (TEMPO, _bpm),
    (GERMAN_KEY, _german_key),
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
