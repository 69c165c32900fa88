"""All phrases that the parser knows, made of the lists of words when the first text is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from ..music.genres import GENRES
from .wordlists import FIELDS, NUMBERS, phrase_of, terms, word_lists, words


class Style(NamedTuple):
    """A genre that a word names: its row in the table, the narrower style, and whether the row is only near it."""

    genre: str
    sub_genre: str | None
    near: bool


class Meaning(NamedTuple):
    field: str
    value: Any  # a word, beats per minute, seconds, or a Style


Phrase = tuple[str, ...]
Meanings = tuple[Meaning, ...]
# Of these, the first half of a German compound may be: Klavierstück.
STEM_FIELDS = frozenset({"genre", "instruments", "moods", "vocals", "structure", "texture"})


@dataclass(frozen=True)
class Vocabulary:
    """The words that the reader knows.

    Attributes:
        longest: by first word, the words of the longest phrase that begins with it.
        stems: the first halves of compounds that are worth looking for.
        heads: the second halves that say nothing by themselves.
        joints: what may stand between the halves.
        longest_compound: no known halves and a joint are longer, so a longer word is not cut up.
    """

    phrases: Mapping[Phrase, Meanings]
    longest: Mapping[str, int]
    stems: Mapping[str, Meanings]
    heads: frozenset[str]
    joints: tuple[str, ...]
    longest_compound: int


@cache
def vocabulary() -> Vocabulary:
    phrases = _phrases()
    longest: dict[str, int] = {}
    for phrase in phrases:
        longest[phrase[0]] = max(longest.get(phrase[0], 0), len(phrase))
    stems = {
        phrase[0]: meanings
        for phrase, meanings in phrases.items()
        if len(phrase) == 1 and (len(phrase[0]) >= 4 or phrase[0] == "pop") and meanings[0].field in STEM_FIELDS
    }
    heads = words("compounds", "second_halves")
    joints = ("", *terms("compounds", "joints"))
    most = max(map(len, stems)) + max(map(len, joints)) + max(map(len, (*heads, *longest)))
    return Vocabulary(phrases, longest, stems, heads, joints, most)


def table_genre(family: str) -> tuple[str, bool]:
    """Return the row of the table of genres for a family, and whether it is the family's own."""
    row = word_lists().row_of(family)
    if row is None:
        raise KeyError(family)
    return row


def _styles() -> Iterator[tuple[str, Meaning]]:
    for family, name, is_near, listed in word_lists().genres:
        row, is_own = table_genre(family)
        sub = name or (None if is_own else family)
        style = Style(name, None, near=False) if name in GENRES else Style(row, sub, is_near or not is_own)
        yield from ((term, Meaning("genre", style)) for term in listed)


def _all() -> Iterator[tuple[str, Meaning]]:
    # What the table itself calls its genres, for those words that no list has.
    yield from ((name.replace("/", " "), Meaning("genre", Style(name, None, near=False))) for name in GENRES)
    yield from _styles()
    for field in FIELDS:
        for value, listed in word_lists().tables[field].items():
            meaning = Meaning(field, _number(value) if field in NUMBERS else value)
            yield from ((term, meaning) for term in listed)


def _phrases() -> dict[Phrase, Meanings]:
    known: dict[Phrase, Meanings] = {}
    for term, meaning in _all():
        phrase = phrase_of(term)
        had = known.get(phrase, ())
        if all(other.field != meaning.field for other in had):
            known[phrase] = (*had, meaning)
    for name, genre in GENRES.items():
        for word in genre.words:
            term = word.replace("-", " ").replace("'", " ").replace("&", " and ")
            meanings = (Meaning("genre", Style(name, None, near=False)),)
            known.setdefault(phrase_of(term), meanings)
    return known


def _number(name: str) -> float:
    return int(name) if name.isdigit() else float(name)
