"""Rules that keep the words and change their order."""

from __future__ import annotations

import random

from schemas.text_rules import CutUp


def cut_up(text: str, rule: CutUp, draw: random.Random) -> str:
    """Take a newspaper, take some scissors: every word of the text exactly once, the cuttings in a drawn order.

    A text of two words or more gives two cuttings or more; unless they are all alike, their order changes.
    """
    words = text.split()
    cuttings: list[tuple[str, ...]] = []
    while words:
        length = draw.randint(rule.min_words, rule.max_words)
        if not cuttings:
            length = min(length, max(1, len(words) - 1))
        cuttings.append(tuple(words[:length]))
        words = words[length:]
    if len(set(cuttings)) < 2:
        return text
    shuffled = cuttings[:]
    while shuffled == cuttings:
        draw.shuffle(shuffled)
    return " ".join(word for cutting in shuffled for word in cutting)
