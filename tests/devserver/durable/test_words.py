from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devserver.durable.words import LONGEST_WORD, Term, fold, terms, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müßig", "mussig"),
        ("Ærøskøbing", "aeroskobing"),
        ("CAFÉ", "cafe"),
        ("cafe\u0301", "cafe"),
        ("İstanbul", "istanbul"),
        ("Łódź", "lodz"),
        ("ﬁn", "fin"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
    ],
)
def test_case_accents_and_umlauts_make_no_difference(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_text_is_its_letters_and_digits() -> None:
    assert words("It's  lo-fi, 90 BPM_now!") == ["it", "s", "lo", "fi", "90", "bpm", "now"]


def test_signs_of_a_script_without_spaces_are_words_of_their_own() -> None:
    assert words("夜の music") == ["夜", "の", "music"]


def test_a_word_without_an_end_is_cut_in_texts_and_queries_alike() -> None:
    assert words("a" * 100) == ["a" * LONGEST_WORD]
    assert terms("a" * 100) == [Term(("a" * LONGEST_WORD,))]


def test_a_query_has_words_beginnings_and_phrases() -> None:
    assert terms('slow pian* "warm NIGHT" lo-fi "deep hou"*') == [
        Term(("slow",)),
        Term(("pian",), prefix=True),
        Term(("warm", "night")),
        Term(("lo", "fi")),
        Term(("deep", "hou"), prefix=True),
    ]


def test_an_open_quotation_ends_with_the_query() -> None:
    assert terms('"warm night') == [Term(("warm", "night"))]


@given(st.text())
def test_any_text_is_a_query_of_words_as_texts_have_them(text: str) -> None:
    for term in terms(text):
        for word in term.words:
            assert words(word) == [word]
            assert 0 < len(word) <= LONGEST_WORD


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)
