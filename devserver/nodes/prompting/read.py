"""Reads a text: what its numbers and words say of each field, what contradicts, and which words say nothing."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..music.genres import GENRES
from ..music.theory import Key
from .brief import LISTS, MAX_ITEMS, MAX_SECONDS, Conflict, Parsed, Reading, Span, Unmatched
from .conflicts import contradictions
from .negation import find_negated, is_negation
from .patterns import PatternMatch, find_all, number, overlaps
from .scan import Claim, Token, find_claims, tokenize
from .vocabulary import Style
from .wordlists import word_lists, words

MINOR_MODES = {"minor", "dorian", "phrygian", "aeolian", "locrian"}
SPECIFIC_VOCALS = ("instrumental", "duet", "children", "choir", "rap", "female", "male", "spoken", "vocals")
REPEATS = 8
QUALITIES = 8  # that may stand between "only" and an instrument
FOLLOWS = {",", ";", "."}  # as `then` does: "a trumpet solo, then piano"
TIMES = re.compile(r"[x×](\d)(?!\d)")
REFUSED_AS = {"rhythmic": "percussion"}  # "nothing percussive"
SLOW_BPM, FAST_BPM = 90, 125  # below is called slow, above fast
VERY_SLOW_BPM, VERY_FAST_BPM = 60, 170


@dataclass
class Notebook:
    """The readings collected so far."""

    text: str
    readings: dict[str, Reading] = field(default_factory=dict)
    items: dict[str, list[tuple[str, Span]]] = field(default_factory=lambda: {name: [] for name in sorted(LISTS)})
    spans: list[Span] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, value: Any, span: Span, confidence: float = 1.0, *, said: bool = True) -> None:
        """Set a field's value. The surer reading stays; of equals the first stays, with a warning about the other."""
        had = self.readings.get(name)
        if had is not None and had.value != value and not had.guessed and confidence >= 0.7 <= had.confidence:
            warning = f"{name} is given twice: {self.said(had.span)} and {self.said(span)}; the first is used."
            self.conflicts.append(Conflict((name,), warning))
        if had is None or had.confidence < confidence:
            self.readings[name] = Reading(value, span, confidence, "user" if said else "parsed")

    def add(self, name: str, value: str, span: Span, *, again: bool = False) -> None:
        kept = self.items[name]
        if len(kept) < MAX_ITEMS and (again or all(value != other for other, _ in kept)):
            kept.append((value, span))

    def said(self, span: Span | None) -> str:
        return repr(self.text[slice(*span)]) if span else "elsewhere"


def read(text: str) -> Parsed:
    """Return what the text alone says, without any default. Linear in its length; any text is allowed."""
    book = Notebook(text)
    bars = _read_patterns(book)
    tokens = tokenize(text)
    claims = find_claims(tokens, book.spans)
    unwanted = find_negated(tokens)
    wanted = _read_unwanted(book, tokens, claims, unwanted)
    _read_voices(book, tokens, wanted)
    _read_genre(book, tokens, wanted)
    for index, claim in enumerate(wanted):
        _read_claim(book, tokens, wanted, index, claim)
    _conclude(book, bars)
    for name, kept in book.items.items():
        if kept:
            spans = tuple(span for _, span in kept)
            book.readings[name] = Reading(tuple(value for value, _ in kept), spans[0], 1.0, "user", spans)
    book.conflicts += contradictions(book.readings)
    covered = [*book.spans, *(claim.span for claim in claims)]
    covered += [(tokens[first].start, tokens[last - 1].end) for first, last in unwanted]
    words = tuple(_unmatched(text, tokens, covered))
    return Parsed(book.readings, words, tuple(book.conflicts), tuple(book.notes))


def _read_patterns(book: Notebook) -> PatternMatch | None:
    bars = None
    for match in find_all(book.text):
        book.spans.append(match.span)
        if match.complaint:
            book.notes.append(match.complaint)
            book.conflicts.append(Conflict((match.field,), f"{match.complaint}."))
        if match.value is None:
            continue
        if match.field == "bars":
            bars = bars or match
        elif match.field == "key":
            _put_key(book, match)
        else:
            book.put(match.field, match.value, match.span, match.confidence, said=match.said)
    return bars


def _put_key(book: Notebook, match: PatternMatch) -> None:
    tonic, mode = match.value
    scale = "minor" if mode in MINOR_MODES else "major"
    book.put(
        "key", Key(tonic, "minor" if scale == "minor" else "major").name, match.span, match.confidence, said=match.said
    )
    book.put("mode", mode or "major", match.span, match.confidence, said=match.said)


def _read_unwanted(
    book: Notebook, tokens: Sequence[Token], claims: Sequence[Claim], unwanted: Iterable[tuple[int, int]]
) -> list[Claim]:
    """Put what is not wanted into its field; the claims that are left are wanted."""
    refused: set[int] = set()
    firsts, taken = [claim.first for claim in claims], sorted(book.spans)
    for first, last in unwanted:
        near = range(bisect_left(firsts, first), bisect_left(firsts, last))
        inside = [index for index in near if claims[index].last <= last]
        refused.update(inside)
        things = [claims[index] for index in inside if not _is_quality(claims[index])]
        for claim in things or [claims[index] for index in inside]:
            _refuse(book, claim)
        rest = (tokens[first].start, tokens[last - 1].end)
        if not inside and not overlaps(rest, taken):
            is_beat = tokens[last - 1].folded in words("grammar", "drums")
            said = "drums" if is_beat else book.text[slice(*rest)].casefold()
            book.add("avoid", said[:80], rest)
    return [claim for index, claim in enumerate(claims) if index not in refused]


def _is_quality(claim: Claim) -> bool:
    return claim.meanings[0].field in {"moods", "texture", "bpm", "language"}


def _refuse(book: Notebook, claim: Claim) -> None:
    meaning = claim.meanings[0]
    if meaning.field == "vocals" and meaning.value != "instrumental":
        book.put("vocals", "instrumental", claim.span)
    elif isinstance(meaning.value, Style):
        book.add("avoid", meaning.value.sub_genre or meaning.value.genre, claim.span)
    elif meaning.field == "duration_seconds":
        return  # "not a loop" says no length
    elif meaning.field == "bpm":
        book.add("avoid", "fast" if meaning.value >= FAST_BPM else "slow", claim.span)
    else:
        book.add("avoid", REFUSED_AS.get(meaning.value, str(meaning.value)), claim.span)


def _read_genre(book: Notebook, tokens: Sequence[Token], claims: Sequence[Claim]) -> None:
    """The first genre named leads; where two stand side by side the last is the noun: "trap hip hop"."""
    language = book.readings.get("language")
    named: list[tuple[Claim, Style]] = [
        (claim, meaning.value)
        for claim in claims
        if (meaning := claim.meaning("genre")) and (language is None or claim.span != language.span)
    ]
    if not named:
        return
    loose = [pair for pair in named if not _is_loose(pair[1])] or named
    at = 0
    while at + 1 < len(loose) and _side_by_side(tokens, loose[at][0], loose[at + 1][0]):
        at += 1
    claim, style = loose[at]
    same = [(other, s) for other, s in named if s.genre == style.genre and s.sub_genre and not s.near]
    confidence = 0.6 if style.near else 1.0
    book.put("genre", style.genre, claim.span, confidence, said=not style.near)
    if style.sub_genre:
        book.put("sub_genre", style.sub_genre, claim.span)
    elif same:
        book.put("sub_genre", same[0][1].sub_genre, same[0][0].span)
    if style.near:
        warning = f"{style.sub_genre} has no rules of its own here; the nearest genre that has is {style.genre}."
        book.notes.append(warning)
    for other, another in loose:
        if another.genre != style.genre:
            book.notes.append(f"{book.said(other.span)} is a second genre; {book.said(claim.span)} leads.")


LOOSE = {"electronica", "experimental", "edm", "minimal music", "sleep", "meditation", "soundscape", "christmas"}


def _is_loose(style: Style) -> bool:
    return style.sub_genre in LOOSE


def _side_by_side(tokens: Sequence[Token], one: Claim, two: Claim) -> bool:
    return all(token.folded == "-" for token in tokens[one.last : two.first])


def _read_claim(book: Notebook, tokens: Sequence[Token], claims: Sequence[Claim], index: int, claim: Claim) -> None:
    after = claims[index + 1] if index + 1 < len(claims) and claims[index + 1].first <= claim.last else None
    meaning = claim.meanings[0]
    if meaning.value == "solo" and meaning.field == "texture":
        _read_solo(book, tokens, claims, index, claim)
    elif meaning.field == "bpm":
        following = tokens[claim.last].folded if claim.last < len(tokens) else ""
        keeps = following in words("grammar", "keeps_no_tempo")
        if not keeps and not (after and after.meanings[0].field == "instruments" and following):
            _read_pace(book, float(meaning.value), claim)
    elif meaning.field in LISTS:
        times = _times(tokens, claim) if meaning.field == "structure" else 1
        for _ in range(times):
            book.add(meaning.field, str(meaning.value), claim.span, again=meaning.field == "structure")
    elif meaning.field == "duration_seconds":
        book.put("duration_seconds", meaning.value, claim.span, 0.5, said=False)
    elif meaning.field in {"era", "time_signature", "mode"}:
        book.put(meaning.field, meaning.value, claim.span)
    elif isinstance(meaning.value, Style) and (meaning.value.sub_genre or meaning.value.genre).endswith("waltz"):
        book.put("time_signature", "3/4", claim.span, 0.9, said=False)


def _read_pace(book: Notebook, tempo: float, claim: Claim) -> None:
    """Read a tempo word; next to a number it can only contradict that."""
    had = book.readings.get("bpm")
    if had is None:
        book.put("bpm", _pace_tempo(book, tempo), claim.span, 0.6, said=False)
    elif (tempo < SLOW_BPM and had.value >= FAST_BPM) or (tempo > FAST_BPM and had.value <= SLOW_BPM):
        conflict = f"{book.said(claim.span)} and {book.said(had.span)} contradict each other; the number is used."
        book.conflicts.append(Conflict(("bpm",), conflict))


def _pace_tempo(book: Notebook, tempo: float) -> int:
    """Return the tempo of a tempo word within a genre: slow is slower than usual for that genre."""
    genre = book.readings.get("genre")
    if genre is None:
        return round(tempo)
    row = GENRES[genre.value]
    slowest, fastest = row.bpm_range
    if tempo < SLOW_BPM:
        return round((slowest + row.bpm) / 2 if tempo >= VERY_SLOW_BPM else slowest)
    if tempo >= FAST_BPM:
        return round((fastest + row.bpm) / 2 if tempo < VERY_FAST_BPM else fastest)
    return round(min(fastest, max(slowest, tempo)))


def _read_solo(book: Notebook, tokens: Sequence[Token], claims: Sequence[Claim], index: int, claim: Claim) -> None:
    """Read a "solo piano" or "piano only" as for nobody else; a "guitar solo" is a part of the piece."""
    word = book.text[slice(*claim.span)].casefold()
    plays = _next_is_played(tokens, claims, index)
    played = [
        neighbour
        for neighbour in claims[max(0, index - 1) : index]
        if neighbour.meanings[0].field == "instruments" and claim.first - neighbour.last <= 1
    ]
    if word == "solo" and not plays:
        book.add("structure", "solo", claim.span, again=True)
    elif plays or (played and word in words("grammar", "only")) or word in words("grammar", "unaccompanied"):
        book.add("texture", "solo", claim.span)


def _next_is_played(tokens: Sequence[Token], claims: Sequence[Claim], index: int) -> bool:
    """Tell whether an instrument follows, with nothing but its qualities between: "nur ein leises Klavier"."""
    place = claims[index].last
    for claim in islice(claims, index + 1, index + 1 + QUALITIES):
        if claim.first - place > 1 or any(map(_follows, tokens[place : claim.first])):
            return False
        if not _is_quality(claim):
            return claim.meanings[0].field == "instruments"
        place = claim.last
    return False


def _follows(token: Token) -> bool:
    return token.folded in FOLLOWS or token.folded in words("grammar", "then")


def _times(tokens: Sequence[Token], claim: Claim) -> int:
    """Return how often the text asks for a section: "two verses", "double chorus", "chorus x2"."""
    after = "".join(token.folded for token in tokens[claim.last : claim.last + 2])
    if match := TIMES.match(after):
        return max(1, min(REPEATS, int(match[1])))
    before = tokens[claim.first - 1].folded if claim.first else ""
    try:
        said = 2.0 if before in words("grammar", "double") else number(before.removesuffix("x"))
    except ValueError:
        return 1
    return int(said) if said == int(said) and 1 <= said <= REPEATS else 1


def _read_voices(book: Notebook, tokens: Sequence[Token], claims: Sequence[Claim]) -> None:
    """Read the voices and their language: a language counts beside words for voices, or after "in"."""
    voices = [claim for claim in claims if claim.meaning("vocals")]
    sung = {str(claim.meanings[0].value): claim.span for claim in reversed(voices)}
    if {"male", "female"} <= set(sung):
        sung["duet"] = min(sung["male"], sung["female"])
    for name in SPECIFIC_VOCALS:
        if name in sung:
            if name != "instrumental" and book.readings.get("vocals"):
                book.conflicts.append(
                    Conflict(("vocals",), f"{book.said(sung[name])} contradicts music without vocals.")
                )
            else:
                book.put("vocals", name, sung[name])
            break
    if "instrumental" in sung and len(sung) > 1:
        others = next(span for name, span in sung.items() if name != "instrumental")
        book.conflicts.append(
            Conflict(("vocals",), f"{book.said(others)} contradicts {book.said(sung['instrumental'])}.")
        )
    firsts = [voice.first for voice in voices]
    for claim in claims:
        meaning = claim.meaning("language")
        if meaning is None:
            continue
        before = tokens[claim.first - 1].folded if claim.first else ""
        close = voices[bisect_left(firsts, claim.last - 3) : bisect_right(firsts, claim.last + 1)]
        near = [v for v in close if v.first >= claim.last or claim.first - v.last <= 2]
        if before in words("grammar", "in_language") or near:
            book.put("language", meaning.value, claim.span)
            if not book.readings.get("vocals"):
                book.put("vocals", "vocals", claim.span, 0.8, said=False)


def _conclude(book: Notebook, bars: PatternMatch | None) -> None:
    """Derive values from several fields: bars and a tempo make a length."""
    bpm = book.readings.get("bpm")
    if bars is None or bpm is None:
        return
    metre = book.readings.get("time_signature")
    top, bottom = map(int, (metre.value if metre else "4/4").split("/"))
    seconds = round(bars.value * top * 4 / bottom * 60 / bpm.value, 3)
    if 0 < seconds <= MAX_SECONDS:
        book.put("duration_seconds", seconds, bars.span, bars.confidence, said=False)


def _unmatched(text: str, tokens: Sequence[Token], covered: Sequence[Span]) -> Iterable[Unmatched]:
    spans = sorted(covered)
    at, reach = 0, 0
    fillers = word_lists().fillers
    for token in tokens:
        while at < len(spans) and spans[at][0] < token.end:
            reach = max(reach, spans[at][1])
            at += 1
        if token.start >= reach and token.is_word and token.folded not in fillers and not is_negation(token):
            yield Unmatched(text[token.start : token.end], (token.start, token.end))
