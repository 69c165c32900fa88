"""Cuts a text into words, and finds in them the phrases that the parser knows: the longest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .brief import Span
from .vocabulary import Meaning, Meanings, Vocabulary, vocabulary
from .wordlists import fold

_WORD = re.compile(r"\d+(?=[a-zäöü]{3,}\b)|[^\W_]+|&|[^\s\w]", re.IGNORECASE)
MIN_COMPOUND = 7


@dataclass(frozen=True)
class Token:
    """A word or a sign of the text; `folded` is what is looked up."""

    folded: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.folded[0].isalnum() or self.folded == "and"


@dataclass(frozen=True)
class Claim:
    """The tokens [first, last) mean something; the span is the part of the text that does."""

    first: int
    last: int
    meanings: Meanings
    span: Span

    def meaning(self, field: str) -> Meaning | None:
        return next((meaning for meaning in self.meanings if meaning.field == field), None)


def tokenize(text: str) -> list[Token]:
    return [Token(fold(match[0]), *match.span()) for match in _WORD.finditer(text)]


def find_claims(tokens: Sequence[Token], taken: Sequence[Span]) -> list[Claim]:
    """Return every known phrase in order, without those words that lie in `taken`. Hyphens and quotes join words."""
    known, free = vocabulary(), _free(tokens, taken)
    claims: list[Claim] = []
    at = 0
    while at < len(tokens):
        claims_here = (_phrase_at(known, tokens, free, at) or _compound_at(known, tokens[at], at)) if free[at] else []
        claims += claims_here
        at = max((claim.last for claim in claims_here), default=at + 1)
    return claims


def _free(tokens: Sequence[Token], taken: Sequence[Span]) -> list[bool]:
    free, spans = [], sorted(taken)
    next_span = 0
    for token in tokens:
        while next_span < len(spans) and spans[next_span][1] <= token.start:
            next_span += 1
        free.append(next_span == len(spans) or token.end <= spans[next_span][0])
    return free


def _phrase_at(known: Vocabulary, tokens: Sequence[Token], free: Sequence[bool], at: int) -> list[Claim]:
    words: list[str] = []
    best: Claim | None = None
    longest = known.longest.get(tokens[at].folded, 0)
    place = at
    while len(words) < longest and place < len(tokens) and free[place]:
        token = tokens[place]
        if token.is_word:
            words.append(token.folded)
            if meanings := known.phrases.get(tuple(words)):
                best = Claim(at, place + 1, meanings, (tokens[at].start, token.end))
        elif token.folded not in {"-", "'", "`", "–", "’"}:
            break
        place += 1
    return [best] if best else []


def _compound_at(known: Vocabulary, token: Token, at: int) -> list[Claim]:
    """Return the claims of a compound: the known first half, and the second if it is known (Gitarrensolo)."""
    word = token.folded
    if not MIN_COMPOUND <= len(word) <= known.longest_compound:
        return []
    if not word.isalpha() or len(word) != token.end - token.start:
        return []
    for cut in range(len(word) - 3, 2, -1):
        meanings = known.stems.get(word[:cut])
        if meanings is None:
            continue
        for joint in known.joints:
            rest = word[cut:].removeprefix(joint) if word[cut:].startswith(joint) else ""
            first = Claim(at, at + 1, meanings, (token.start, token.start + cut))
            if rest in known.heads:
                return [first]
            if (second := known.phrases.get((rest,))) or (second := SECOND_HALVES.get(rest)):
                return [first, Claim(at, at + 1, second, (token.end - len(rest), token.end))]
    return []


SECOND_HALVES: dict[str, Meanings] = {"solo": (Meaning("structure", "solo"),)}
