"""Find the words of a text that name unwanted things: "no drums or bass", "ohne Gesang", "avoid synths, pads"."""

from __future__ import annotations

from collections.abc import Sequence

from .scan import Token
from .wordlists import words

MAX_PHRASE = 4
SIGNS = frozenset({"'", "/"})
LIST_REACH = 24  # tokens that are looked through for the "or" of a list


def is_negation(token: Token) -> bool:
    return _is(token, "not")


def _is(token: Token, *groups: str) -> bool:
    """Tell whether a token is among the words of one of these groups; `words/en.yaml` says what each does."""
    return token.folded in words("refusing", *groups)


def find_negated(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Ranges of tokens [first, last) that are not wanted, one for each thing, without the word that negates."""
    ranges: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        if _denies(tokens, at):
            ranges.append((_start_of_line(tokens, at - 1), at - 1))
            at += 1
        elif _negates(tokens, at):
            phrases = _phrases(tokens, at)
            ranges += [phrase for phrase in phrases if not _until(tokens, phrase[1])]
            at = max((last for _, last in phrases), default=at + 1)
        else:
            at += 1
    return ranges


def _negates(tokens: Sequence[Token], at: int) -> bool:
    if not is_negation(tokens[at]) and not _is_shortened_not(tokens, at):
        return False
    return at + 1 == len(tokens) or not _is(tokens[at + 1], "compares")


def _denies(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether this is the "none" of a form: "Vocals: none"."""
    return at > 1 and _is(tokens[at], "none") and tokens[at - 1].folded == ":"


def _start_of_line(tokens: Sequence[Token], place: int) -> int:
    first = place
    while first and place - first < MAX_PHRASE and _belongs(tokens[first - 1]):
        first -= 1
    return first


def _until(tokens: Sequence[Token], place: int) -> bool:
    """Tell whether what is refused comes later: "no drums until the second chorus"."""
    return place < len(tokens) and _is(tokens[place], "until")


def _is_shortened_not(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether don't, doesn't, shouldn't ... begins here, cut at its sign."""
    three = [token.folded for token in tokens[at : at + 3]]
    if three == ["w", "/", "o"]:
        return True
    return len(three) == 3 and _is(tokens[at], "cut_at_the_apostrophe") and three[1:] == ["'", "t"]


def _phrases(tokens: Sequence[Token], at: int) -> list[tuple[int, int]]:
    phrases: list[tuple[int, int]] = []
    place = at + 1
    if place < len(tokens) and tokens[place].folded == ":":
        place += 1
    while True:
        while place < len(tokens) and (tokens[place].folded in SIGNS or _is(tokens[place], "passed_over")):
            place += 1
        first = place
        while place < len(tokens) and place - first < MAX_PHRASE and _belongs(tokens[place]):
            place += 1
        if place == first:
            return phrases
        phrases.append((first, place))
        following = _goes_on(tokens, place, tokens[at])
        if following is None:
            return phrases
        place = following


def _belongs(token: Token) -> bool:
    return token.folded in {"-", "'"} or (token.is_word and not _is(token, "joins", "and", "ends", "not"))


def _goes_on(tokens: Sequence[Token], place: int, word: Token) -> int | None:
    """Return the start of the next unwanted thing of a list; None at the end of the list."""
    if place >= len(tokens):
        return None
    if _is(tokens[place], "joins"):
        return place + 1
    if _is(tokens[place], "and"):
        bare = place + 1 < len(tokens) and not _is(tokens[place + 1], "passed_over", "ends", "not")
        lists = _is(word, "begins_a_list", "may_begin_a_list") or _is_list(tokens, place)
        return place + 1 if bare and lists else None
    if tokens[place].folded in {",", "/"} and (_is(word, "begins_a_list") or _or_comes(tokens, place + 1)):
        return place + 1
    return None


def _is_list(tokens: Sequence[Token], place: int) -> bool:
    """Tell whether "and" joins two bare words, as in "no drums and bass."."""
    after = place + 2
    return after >= len(tokens) or not tokens[after].is_word


def _or_comes(tokens: Sequence[Token], place: int) -> bool:
    length = 0
    for token in tokens[place : place + LIST_REACH]:
        if _is(token, "joins"):
            return length > 0
        if token.folded == ",":
            length = 0
        elif not _belongs(token) or length == MAX_PHRASE - 1:
            return False
        else:
            length += 1
    return False
