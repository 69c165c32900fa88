"""Rules that change the words themselves."""

from __future__ import annotations

import random
import re
import unicodedata
from itertools import pairwise
from typing import Final

from devserver.stages.text.rules.words import WORD, content_words, fold, is_function_word, match_capitals, replace_words
from schemas.text_rules import Exchange, Lipogram, Shift, Spoonerism

# The letters of a word before its first vowel; the u after q belongs to them.
ONSET: Final = re.compile(r"(?:qu|[^\W\d_aeiouyäöüàáâèéêëìíîïòóôùúû])*", re.IGNORECASE)


def lipogram(text: str, rule: Lipogram, _draw: random.Random) -> str:
    """Leave out words with a letter (accents do not hide it), or respell them where every word has one."""
    kept = [word for word in text.split() if not _letters(word) & set(rule.letters)]
    if rule.means == "drop" and kept:
        return " ".join(kept)
    return "".join(_respell(character, rule.letters) for character in text)


def _letters(text: str) -> set[str]:
    return set(unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()))


def _respell(character: str, letters: str) -> str:
    """Replace an unwanted letter by the next one of its kind in the alphabet, vowel or consonant."""
    if not _letters(character) & set(letters):
        return character
    plain = fold(character)
    made = ""
    for letter in plain:
        if letter in letters:
            kind = "aeiouy" if letter in "aeiouy" else "bcdfghjklmnpqrstvwxz"
            following = kind[kind.index(letter) + 1 :] + kind
            made += next(other for other in following if other not in letters)
        else:
            made += letter
    return made.upper() if character.isupper() else made


def spoonerism(text: str, _rule: Spoonerism, _draw: random.Random) -> str:
    """Exchange the first sounds of neighbouring words; done twice it gives the text again."""
    matches = [match for match in WORD.finditer(text) if not is_function_word(match[0])]
    made: dict[int, str] = {}
    for one, two in pairwise(matches):
        parted = re.search(r"[.!?;:\n]", text[one.end() : two.start()])
        first, second = _onset(one[0]), _onset(two[0])
        if one.start() in made or parted or not first or not second or fold(first) == fold(second):
            continue
        made[one.start()] = match_capitals(one[0], second + one[0][len(first) :])
        made[two.start()] = match_capitals(two[0], first + two[0][len(second) :])
    return WORD.sub(lambda match: made.get(match.start(), match[0]), text)


def _onset(word: str) -> str:
    """Return the sounds before the first vowel; none where the word is too short or has no vowel."""
    match = ONSET.match(word)
    onset = match[0] if match else ""
    return onset.lower() if len(word) > 2 and len(onset) < len(word) else ""


def shift(text: str, rule: Shift, _draw: random.Random) -> str:
    """Replace each word by another, always the same one; a shift that leads back to the word is one step."""
    own = sorted({word.casefold() for word in content_words(text)}, key=lambda word: (fold(word), word))
    if len(own) < 2:
        return text
    steps = rule.steps % len(own) or 1
    following = {word: own[(index + steps) % len(own)] for index, word in enumerate(own)}
    return replace_words(text, lambda word: match_capitals(word, following.get(word.casefold(), word)))


def exchange(text: str, rule: Exchange, _draw: random.Random) -> str:
    """Exchange the words of the table; others stay."""
    table = {one.casefold(): two for one, two in rule.words.items()}
    if rule.both_ways:
        table = {two.casefold(): one for one, two in rule.words.items()} | table
    return replace_words(
        text, lambda word: match_capitals(word, table[word.casefold()]) if word.casefold() in table else word
    )
