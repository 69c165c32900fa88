"""The forms under which a word is looked for."""

from __future__ import annotations

import pytest

from schemas.inflect import forms_of


@pytest.mark.parametrize(
    ("word", "forms", "others"),
    [
        ("kill", {"kill", "kills", "killed", "killer", "killings"}, {"killl", "killled"}),
        ("stab", {"stabs", "stabbed", "stabbing"}, {"stabbb"}),
        ("rape", {"raped", "raping", "rapers"}, {"rap"}),
        ("bury", {"buries", "buried", "burying"}, {"burrying", "buri"}),
        ("play", {"played", "playing"}, {"plaied", "playyed"}),
        ("ox", {"oxes"}, {"oxxes"}),
    ],
)
def test_an_english_word_is_spelled_as_its_end_asks(word: str, forms: set[str], others: set[str]) -> None:
    assert forms <= forms_of(word, "en")
    assert not others & forms_of(word, "en")


@pytest.mark.parametrize(
    ("word", "forms", "others"),
    [
        ("toeten", {"toeten", "toetet", "toetete", "getoetet", "getoetete", "toetung"}, {"toetenung"}),
        ("foltern", {"foltern", "foltert", "gefoltert", "folterer"}, {"folternen"}),
        ("waffe", {"waffe", "waffen"}, {"waffel", "gewaffet"}),
    ],
)
def test_a_german_word_is_a_verb_by_its_end_and_else_a_noun(word: str, forms: set[str], others: set[str]) -> None:
    assert forms <= forms_of(word, "de")
    assert not others & forms_of(word, "de")


def test_a_word_of_any_language_has_no_other_form() -> None:
    assert forms_of("sieg", "any") == {"sieg"}
