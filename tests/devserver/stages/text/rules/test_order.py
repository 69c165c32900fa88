from __future__ import annotations

from itertools import groupby

import pytest

from devserver.stages.text.rules.words import WORD, fold, is_function_word, strip_punctuation
from tests.devserver.stages.text.rules.texts import FORTY, HAFEN, HARBOUR, TEXTS, counted, made


def test_dada_gives_the_same_words_in_another_order_and_another_by_seed() -> None:
    one, two = made("cut_up", FORTY, 1), made("cut_up", FORTY, 2)
    assert counted(one) == counted(FORTY)
    assert len({FORTY, one, two}) == 3


def test_longer_cuttings_keep_their_words_together() -> None:
    cut = made("cut_up", FORTY, min_words=4, max_words=4).split()
    starts = [int(word.removeprefix("word")) for word in cut[::4]]
    assert all(cut[4 * n : 4 * n + 4] == [f"word{s + k}" for k in range(4)] for n, s in enumerate(starts))


def test_two_words_change_places_and_one_word_stays() -> None:
    assert all(made("cut_up", "black white", seed) == "white black" for seed in range(20))
    assert all(made("cut_up", "black white", seed, max_words=3) == "white black" for seed in range(20))
    assert made("cut_up", "test") == "test"
    assert made("cut_up", "la la la") == "la la la"


@pytest.mark.parametrize("of", ["words", "sentences"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_mirror_in_a_mirror_shows_the_text(text: str, of: str) -> None:
    once = made("mirror", text, of=of)
    assert once != text
    assert counted(once) == counted(text)
    assert made("mirror", once, of=of) == text


def test_sentences_stay_whole_in_their_mirror() -> None:
    assert made("mirror", "One two. Three four!", of="sentences") == "Three four! One two."


@pytest.mark.parametrize("text", TEXTS)
def test_the_alphabet_orders_all_words(text: str) -> None:
    words = made("alphabetical", text).split()
    assert counted(" ".join(words)) == counted(text)
    assert [fold(strip_punctuation(word)) for word in words] == sorted(fold(strip_punctuation(word)) for word in words)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("seed", range(5))
def test_erasure_leaves_a_few_words_where_they_were(text: str, seed: int) -> None:
    left = made("erasure", text, seed, share=0.2, least=3).split()
    assert len(left) == max(3, round(len(text.split()) * 0.2))
    rest = iter(text.split())
    assert all(word in rest for word in left)  # in order: each is found behind the one before
    assert made("erasure", "one two", seed, least=5) == "one two"


def test_a_telegram_has_no_word_that_says_nothing() -> None:
    assert made("telegram", "The rain falls. I am in Berlin!") == "RAIN FALLS STOP BERLIN"
    for text in (HARBOUR, HAFEN):
        sent = made("telegram", text)
        assert sent == sent.upper()
        assert not [word for word in WORD.findall(sent) if is_function_word(word)]
        assert {word.casefold() for word in WORD.findall(sent)} <= {w.casefold() for w in [*WORD.findall(text), "stop"]}
    assert made("telegram", "it is what it is") == "it is what it is"


@pytest.mark.parametrize("text", TEXTS)
def test_an_echo_without_its_repetitions_is_the_text(text: str) -> None:
    said = made("echo", text, times=3).split()
    assert [word for word, _ in groupby(said)] == text.split()
    assert max(len(list(group)) for _, group in groupby(said)) <= 4
    assert len(said) > len(text.split())
