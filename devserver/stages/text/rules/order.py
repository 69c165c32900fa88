"""Rules that leave words as they are: they change their order, say them again, or leave some out."""

from __future__ import annotations

import random

from devserver.stages.text.rules.words import WORD, fold, is_function_word, sentences, strip_punctuation
from schemas.text_rules import Alphabetical, CutUp, Echo, Erasure, Mirror, Telegram


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


def mirror(text: str, rule: Mirror, _draw: random.Random) -> str:
    """Reverse the order of sentences or words; done twice it gives the text again, but for its spaces."""
    parts = sentences(text) if rule.of == "sentences" else []
    return " ".join(reversed(parts if len(parts) > 1 else text.split()))


def alphabetical(text: str, _rule: Alphabetical, _draw: random.Random) -> str:
    """Sort the words without case and accents; words that differ in nothing else keep their order."""
    return " ".join(sorted(text.split(), key=lambda word: fold(strip_punctuation(word))))


def erasure(text: str, rule: Erasure, draw: random.Random) -> str:
    """Keep some words in their order; words that carry sense stay rather than others."""
    words = text.split()
    count = min(len(words), max(rule.least, round(len(words) * rule.share)))
    order = draw.sample(range(len(words)), len(words))
    order.sort(key=lambda index: is_function_word(words[index]))
    return " ".join(words[index] for index in sorted(order[:count]))


def telegram(text: str, rule: Telegram, _draw: random.Random) -> str:
    """Keep the words that carry sense; leave out a sentence that has none."""
    sent = [[word for word in WORD.findall(sentence) if not is_function_word(word)] for sentence in sentences(text)]
    return f" {rule.stop} ".join(" ".join(words).upper() for words in sent if words)


def echo(text: str, rule: Echo, draw: random.Random) -> str:
    """Repeat some words at once, punctuation and all."""
    words = text.split()
    said = []
    for index, word in enumerate(words):
        again = draw.random() < rule.share or index == len(words) - 1
        said += [word] * (1 + (draw.randint(1, rule.times) if again else 0))
    return " ".join(said)
