"""A haiku of a text's own words: lines of five, seven and five syllables."""

from __future__ import annotations

import random
from itertools import cycle, islice
from typing import Final

from devserver.stages.text.rules.syllables import pieces, syllables
from devserver.stages.text.rules.words import WORD, language_of
from schemas.text_rules import Haiku

LINES: Final = (5, 7, 5)
LONGEST: Final = 40  # letters; more is no word that could be spoken


def haiku(text: str, _rule: Haiku, draw: random.Random) -> str:
    """Write a haiku of words that follow each other in the text, from a drawn one on; a short text repeats.

    Words of which no line could be made exactly are cut into their syllables.
    """
    language = language_of(text)
    words = [word[:LONGEST] for word in WORD.findall(text)] or [word[:LONGEST] for word in text.split()]
    if not words:
        return ""
    counts = [syllables(word, language) for word in words]
    if not all(_can_fill(line, set(counts)) for line in LINES):
        words = [piece for word in words for piece in pieces(word, language)]
        counts = [syllables(word, language) for word in words]
    spoken = list(zip(words, counts, strict=True))
    left_after = [sum(counts[index:]) for index in range(len(counts))]
    start = draw.choice([index for index, left in enumerate(left_after) if left >= sum(LINES)] or [0])
    following = islice(cycle(spoken), start, None)
    return "\n".join(_line(following, line, set(counts)) for line in LINES)


def _line(following: islice[tuple[str, int]], length: int, sizes: set[int]) -> str:
    """Take the next words that fill a line exactly; skip one after which it could not be filled any more."""
    line: list[str] = []
    for word, count in following:
        if count <= length and _can_fill(length - count, sizes):
            line.append(word)
            length -= count
        if not length:
            break
    return " ".join(line)


def _can_fill(length: int, sizes: set[int]) -> bool:
    """Return True where words of these sizes can fill a line, each as often as needed."""
    return length == 0 or any(size <= length and _can_fill(length - size, sizes) for size in sizes)
