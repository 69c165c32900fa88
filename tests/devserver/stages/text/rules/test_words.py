from __future__ import annotations

import pytest

from devserver.stages.text.rules.words import (
    WORD,
    content_words,
    fold,
    is_function_word,
    language_of,
    match_capitals,
    replace_words,
    sentences,
    strip_punctuation,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a lo-fi, 90 BPM song!", ["It's", "a", "lo-fi", "90", "BPM", "song"]),
        ("l’été_blanc - ...", ["l’été", "blanc"]),
        ("東京の夜 مرحبا 🎹", ["東京の夜", "مرحبا"]),
    ],
)
def test_a_word_is_letters_and_digits_with_hyphens_and_apostrophes_within(text: str, words: list[str]) -> None:
    assert WORD.findall(text) == words


def test_words_are_compared_without_case_and_accents() -> None:
    assert fold("Ärger") == fold("ARGER") == fold("a\u0308rger") == "arger"
    assert [strip_punctuation(token) for token in ('"Ärger!"', "--", "it's,")] == ["ärger", "--", "it's"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the rain and the sea", "en"),
        ("der Regen und das Meer", "de"),
        ("grüne Bäume", "de"),
        ("piano", "en"),
        ("was the", "en"),  # one of each: a tie
    ],
)
def test_function_words_and_umlauts_tell_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_words_that_carry_sense_are_told_from_those_that_do_not_and_where_there_is_none_all_count() -> None:
    assert [is_function_word(token) for token in ("The,", "und", "rain")] == [True, True, False]
    assert content_words("the rain, the rain and I") == ["rain", "rain"]
    assert content_words("it is what it is") == ["it", "is", "what", "it", "is"]


def test_a_sentence_ends_with_a_sign_and_a_space_or_a_line() -> None:
    assert sentences("One. Two!\nThree 1.5 four?  \n\n夜。 ") == ["One.", "Two!", "Three 1.5 four?", "夜。"]


@pytest.mark.parametrize(
    ("model", "word", "made"),
    [("RAIN", "sea", "SEA"), ("Rain", "sea", "Sea"), ("rain", "Sea", "sea"), ("I", "sea", "Sea"), ("", "Sea", "sea")],
)
def test_a_word_takes_the_capitals_of_the_one_whose_place_it_has(model: str, word: str, made: str) -> None:
    assert match_capitals(model, word) == made


def test_what_stands_between_words_stays() -> None:
    assert replace_words(" Rain,  rain-coat\n(x)!", str.upper) == " RAIN,  RAIN-COAT\n(X)!"
