"""Find, compare and put back the words of a text, in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final, Literal

Language = Literal["en", "de"]
WORD: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
SENTENCE: Final = re.compile(r"(?<=[.!?…。！？])\s+|\n+")

# Words that carry a sentence and little of its sense.
ENGLISH: Final = """
a an the and or but nor so yet of to in on at by for from with without into onto over under up down out off as is am
are was were be been being has have had having do does did done will would shall should can could may might must i you
he she it we they me him her us them my your his its our their mine yours this that these those there here then than
not no some any all each very just only also too which who whom whose what when where while because if through between
about
"""
GERMAN: Final = """
der die das den dem des ein eine einen einem einer eines und oder aber doch denn sondern von zu in im an am auf aus
bei mit nach vor für durch gegen ohne um über unter zwischen zum zur ins beim ist bin bist sind war waren sein gewesen
hat habe haben hatte hatten wird werden wurde wurden kann können konnte soll muss darf ich du er sie es wir ihr mich
dich ihn uns euch ihnen mein dein sein unser euer dieser diese dieses jener als wie so nur auch noch schon sehr nicht
kein keine mehr da dort hier dann wenn weil dass was wer wo wann man sich etwas alle alles
"""
FUNCTION_WORDS: Final[dict[Language, frozenset[str]]] = {
    "en": frozenset(ENGLISH.split()),
    "de": frozenset(GERMAN.split()),
}


def fold(word: str) -> str:
    """Return a word without case and accents, as it is compared."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


def strip_punctuation(token: str) -> str:
    """Return a token without the punctuation around it, case folded; itself where it has no letter or digit."""
    match = WORD.search(token)
    return match[0].casefold() if match else token


def language_of(text: str) -> Language:
    """Tell English from German by function words; umlauts mean German, a tie English."""
    words = [word.casefold() for word in WORD.findall(text)]
    german = sum(word in FUNCTION_WORDS["de"] for word in words) + sum(bool(re.search("[äöüß]", w)) for w in words)
    return "de" if german > sum(word in FUNCTION_WORDS["en"] for word in words) else "en"


def is_function_word(token: str) -> bool:
    word = strip_punctuation(token)
    return any(word in words for words in FUNCTION_WORDS.values())


def content_words(text: str) -> list[str]:
    """Return every word that carries sense, as often as it occurs; all words where there is none."""
    words = WORD.findall(text)
    return [word for word in words if not is_function_word(word)] or words


def sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in SENTENCE.split(text) if sentence.strip()]


def match_capitals(model: str, word: str) -> str:
    """Return the word with the capitals of another: all of them, the first one, or none."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word[:1].lower() + word[1:]


def replace_words(text: str, change: Callable[[str], str]) -> str:
    """Replace every word in its place; spaces and punctuation stay."""
    return WORD.sub(lambda match: change(match[0]), text)
