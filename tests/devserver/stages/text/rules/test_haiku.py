from __future__ import annotations

import pytest

from devserver.stages.text.rules.syllables import syllables
from devserver.stages.text.rules.words import WORD, language_of
from tests.devserver.stages.text.rules.texts import HAFEN, HARBOUR, ODD, TEXTS, made


@pytest.mark.parametrize("text", [*TEXTS, *(odd for odd in ODD if odd.strip())], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("seed", range(3))
def test_a_haiku_has_five_seven_and_five_syllables(text: str, seed: int) -> None:
    language = language_of(text)
    lines = made("haiku", text, seed).split("\n")
    assert [sum(syllables(word, language) for word in line.split()) for line in lines] == [5, 7, 5]


@pytest.mark.parametrize("text", ["machine table guitar melody", "melody piano radio", "machine table", "synthesizer"])
def test_words_that_do_not_fit_are_passed_over_or_cut(text: str) -> None:
    for seed in range(5):
        lines = made("haiku", text, seed).split("\n")
        assert [sum(syllables(word, "en") for word in line.split()) for line in lines] == [5, 7, 5]


@pytest.mark.parametrize("text", [HARBOUR, HAFEN])
def test_the_words_of_a_haiku_follow_each_other_as_in_the_text(text: str) -> None:
    rest = iter(WORD.findall(text))
    assert all(word in rest for word in made("haiku", text, 3).split())
