"""Finds the terms of the safety levels in a text, also where they are inflected, disguised or spelled out.

How a term is written in a list:

    kill            the word in all its forms            =kill           this form alone
    mord-           what begins with it                  -mord, -mord-   what ends with it, what holds it
    kill yourself   several words in a row               kill .. lights  with up to three words between
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from schemas.inflect import Language, forms_of
from schemas.model import LEVELS, Level, TermList

GAP = ".."
GAP_WORDS = 3
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
LOOKALIKES = str.maketrans("аеоркстхуіјѕԁвмноαεικνορτυχ", "aeopkctxyijsdbmhoaeikvoptux")
LEET = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "!": "i", "+": "t"}
LEET_ONE = ("i", "l")  # letters that a 1 or a | can stand for
SPELLED = re.compile(r"(?<![^\W_])[^\W_](?:[ .,_*/-][^\W_]){2,}(?![^\W_])")
CORE = re.compile(r"(?P<before>[^\w@$]*)(?P<core>.*?)(?P<after>[^\w@$]*)")
RUN = re.compile(r"(.)\1{2,}")
WORD = re.compile(r"[^\W_]+(?:\*+[^\W_]+)*")


@dataclass(frozen=True)
class TermMatch:
    """A match of a term: as its list writes it, and as the text has it, folded."""

    term: str
    text: str
    category: str
    language: str
    level: Level
    list: str


@dataclass(frozen=True)
class _Word:
    """One word of a term: `at` says where in a word of the text one of `forms` has to stand."""

    forms: frozenset[str]
    at: str  # whole | start | end | inside

    def fits(self, word: str) -> bool:
        if self.at == "start":
            return word.startswith(tuple(self.forms))
        if self.at == "end":
            return word.endswith(tuple(self.forms))
        if self.at == "inside":
            return any(form in word for form in self.forms)
        return word in self.forms or ("*" in word and any(_matches_masked(word, form) for form in self.forms))


@dataclass(frozen=True)
class _Entry:
    """A term to look for; `match` describes it, None for an innocent sense."""

    words: tuple[_Word | None, ...]  # None is a gap
    match: TermMatch | None

    def end(self, words: list[str], index: int, part: int = 1) -> int | None:
        """Return the end of the entry if its first word stands before `index`; None if it does not match."""
        if part == len(self.words):
            return index
        wanted = self.words[part]
        if wanted is None:
            reach = range(index, min(index + GAP_WORDS, len(words)) + 1)
            return next((end for start in reach if (end := self.end(words, start, part + 1)) is not None), None)
        if index < len(words) and words[index] and wanted.fits(words[index]):
            return self.end(words, index + 1, part + 1)
        return None


@dataclass
class _Index:
    """Entries by their first word, so that a text of any length is read once."""

    by_place: dict[str, dict[str, list[_Entry]]] = field(
        default_factory=lambda: {"whole": {}, "start": {}, "end": {}, "inside": {}}
    )

    def add(self, entry: _Entry) -> None:
        first = entry.words[0]
        for form in first.forms if first else ():
            self.by_place[first.at if first else "whole"].setdefault(form, []).append(entry)

    def matches(self, words: list[str]) -> Iterator[tuple[_Entry, int, int]]:
        """Yield each entry that fits, with the first word and the one after its last."""
        for index, word in enumerate(words):
            for entry in self._starting(word):
                end = entry.end(words, index + 1)
                if end is not None:
                    yield entry, index, end

    def _starting(self, word: str) -> Iterator[_Entry]:
        yield from self.by_place["whole"].get(word, ())
        for length in range(1, len(word) + 1):
            yield from self.by_place["start"].get(word[:length], ())
            yield from self.by_place["end"].get(word[-length:], ())
        for form, entries in self.by_place["inside"].items():
            if form in word:
                yield from entries
        if "*" in word:
            for form, entries in self.by_place["whole"].items():
                if _matches_masked(word, form):
                    yield from entries


class Lexicon:
    """All term lists, ready to be looked up. The innocent senses of every list hold against the terms of every list."""

    def __init__(self, lists: Iterable[TermList]) -> None:
        self._terms, self._innocent = _Index(), _Index()
        for each in lists:
            for level, terms in each.terms.items():
                for term in terms:
                    match = TermMatch(term, "", each.category, each.language, level, each.name)
                    self._terms.add(_Entry(_read(term, each.language), match))
            for phrase in each.innocent:
                self._innocent.add(_Entry(_read(phrase, each.language), None))

    def find(self, text: str, level: Level) -> list[TermMatch]:
        """Return the terms that a level blocks in a text: its own and those of every laxer level; none at "off"."""
        blocking = LEVELS[1 : LEVELS.index(level) + 1]
        matches: dict[str, TermMatch] = {}
        for words in readings(text):
            innocent = {at for _, start, end in self._innocent.matches(words) for at in range(start, end)}
            left = ["" if at in innocent else word for at, word in enumerate(words)]
            for entry, start, end in self._terms.matches(left):
                term = entry.match
                if term and term.level in blocking and term.term not in matches:
                    stands = " ".join(words[start:end])
                    matches[term.term] = TermMatch(
                        term.term, stands, term.category, term.language, term.level, term.list
                    )
        return list(matches.values())


def fold(text: str) -> str:
    """Return the text without case, umlauts, accents, invisible characters and look-alike letters."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(UMLAUTS).translate(LOOKALIKES)
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if unicodedata.category(c) not in ("Mn", "Cf"))
    return unicodedata.normalize("NFC", plain)


def readings(text: str) -> list[list[str]]:
    """Return the words of a text in every reading: as written, letters joined, digits read as letters."""
    folded = fold(text)
    ways = dict.fromkeys((folded, SPELLED.sub(lambda match: re.sub(r"[ .,_*/-]", "", match[0]), folded)))
    ways |= dict.fromkeys(_unleet(way, one) for way in tuple(ways) for one in LEET_ONE)
    ways |= dict.fromkeys(RUN.sub(kept, way) for way in tuple(ways) for kept in (r"\1", r"\1\1"))
    split: Mapping[tuple[str, ...], None] = dict.fromkeys(tuple(WORD.findall(way)) for way in ways)
    return [list(words) for words in split]


def _unleet(text: str, one: str) -> str:
    table = str.maketrans({**LEET, "1": one, "|": one})

    def read(match: re.Match[str]) -> str:
        parts = CORE.fullmatch(match[0])
        if parts is None or not re.search(r"[^\W\d_]", parts["core"]):
            return match[0]
        return parts["before"] + parts["core"].translate(table) + parts["after"]

    return re.sub(r"\S+", read, text)


def _matches_masked(word: str, form: str) -> bool:
    """Tell whether a word with asterisks ("k*ll") can be a form."""
    same = len(word) == len(form) and all(a in (b, "*") for a, b in zip(word, form, strict=True))
    return same and sum(a != "*" for a in word) > 1


def _read(term: str, language: Language) -> tuple[_Word | None, ...]:
    return tuple(None if part == GAP else _word(part, language) for part in term.split())


def _word(part: str, language: Language) -> _Word:
    at = {(False, False): "whole", (False, True): "start", (True, False): "end", (True, True): "inside"}
    place = at[part.startswith("-"), part.endswith("-")]
    exact = part.startswith("=")
    word = fold(part.strip("-").removeprefix("="))
    whole = place == "whole" and not exact
    return _Word(forms_of(word, language) if whole else frozenset((word,)), place)
