from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from devserver.stages.text.rules.words import WORD, fold, is_function_word
from tests.devserver.stages.text.rules.texts import HAFEN, HARBOUR, ODD, TEXTS, made


@pytest.mark.parametrize("text", [*TEXTS, *ODD], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("letters", ["e", "rstln", "aeiou", "f", "s"])
@pytest.mark.parametrize("means", ["drop", "respell"])
def test_a_lipogram_has_none_of_its_letters(text: str, letters: str, means: str) -> None:
    left = made("lipogram", text, letters=letters, means=means)
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", left).casefold())
    assert not set(letters) & set(plain)


def test_a_lipogram_keeps_every_word_that_it_may() -> None:
    assert made("lipogram", "A ship comes home, singing softly.") == "A ship singing softly."
    assert made("lipogram", "Sie gehen weg") == "Sii gihin wig"


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_a_spoonerism_moves_sounds_and_is_its_own_way_back(text: str) -> None:
    once = made("spoonerism", text)
    assert once != text
    assert Counter(once.casefold()) == Counter(text.casefold())
    assert made("spoonerism", once) == text


def test_a_spoonerism_takes_whole_sounds_and_keeps_capitals() -> None:
    assert made("spoonerism", "Broken ship, quick light") == "Shoken brip, lick quight"
    assert made("spoonerism", "Broken. Ship") == "Broken. Ship"


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_plus_seven_goes_seven_words_on(text: str) -> None:
    own = sorted({w.casefold() for w in WORD.findall(text) if not is_function_word(w)}, key=lambda w: (fold(w), w))
    for before, after in zip(WORD.findall(text), WORD.findall(made("shift", text)), strict=True):
        if is_function_word(before):
            assert after == before
        else:
            assert after.casefold() == own[(own.index(before.casefold()) + 7) % len(own)]
            assert after[0].isupper() == before[0].isupper()


def test_plus_seven_never_stands_still() -> None:
    assert made("shift", "one two three four five six seven", steps=7).split()[0] == "seven"
    assert made("shift", "black white", steps=2) == "white black"


def test_opposites_go_both_ways_and_keep_capitals_and_endings() -> None:
    assert made("exchange", "Night, DAY and Regen!") == "Day, NIGHT and Sonne!"
    assert made("exchange", "day", both_ways=False) == "day"
