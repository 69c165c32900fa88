"""The forms that a word takes in English and German: more than there are, so that none that is written is missed."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "de", "any"]
VOWELS = "aeiou"
EN_ENDINGS = ("s", "es", "ed", "er", "ers", "ing", "ings", "in")
DE_NOUN_ENDINGS = ("e", "en", "n", "em", "er", "ern", "es", "s", "in", "innen")
DE_VERB_ENDINGS = (
    *("en", "e", "st", "est", "t", "et", "te", "ete", "ten", "eten", "test", "etest", "tet", "etet"),
    *("end", "ende", "enden", "ender", "endes", "endem", "ung", "ungen", "er", "ers", "ern", "erin", "erinnen"),
)
DE_PARTICIPLES = tuple(base + ending for base in ("t", "et", "en") for ending in ("", "e", "en", "er", "es", "em"))


def forms_of(word: str, language: Language) -> frozenset[str]:
    """Return a word (folded by `lexicon.fold`) and its inflected forms; the lists have the irregular ones."""
    if language == "en":
        return frozenset(_english(word))
    if language == "de":
        return frozenset(_german(word))
    return frozenset((word,))


def _english(word: str) -> set[str]:
    stems = {word}
    if word.endswith("e"):
        stems.add(word[:-1])
    elif len(word) > 2 and word[-1] not in f"{VOWELS}wxy" and word[-2] in VOWELS and word[-3] not in VOWELS:
        stems.add(word + word[-1])
    elif len(word) > 2 and word.endswith("y") and word[-2] not in VOWELS:
        stems.add(word[:-1] + "i")
    return {word} | {stem + ending for stem in stems for ending in EN_ENDINGS}


def _german(word: str) -> set[str]:
    verb_stem = word[:-2] if word.endswith("en") else word[:-1] if word.endswith(("ern", "eln")) else ""
    if not verb_stem:
        return {word} | {word + ending for ending in DE_NOUN_ENDINGS}
    forms = {word, word + "s"} | {verb_stem + ending for ending in DE_VERB_ENDINGS}
    return forms | {f"ge{verb_stem}{ending}" for ending in DE_PARTICIPLES}
