from __future__ import annotations

import pytest

from schemas.lexicon import Lexicon
from schemas.model import LEVELS, TermList, Text

LABEL = Text(en="x", de="x")


def lexicon(*terms: str, innocent: tuple[str, ...] = (), language: str = "en") -> Lexicon:
    content = {"name": "x", "category": "x", "language": language, "label": LABEL, "terms": {"kids": terms}}
    return Lexicon([TermList.model_validate({**content, "innocent": innocent})])


def found(text: str, *terms: str, innocent: tuple[str, ...] = (), language: str = "en") -> list[str]:
    return [each.term for each in lexicon(*terms, innocent=innocent, language=language).find(text, "kids")]


@pytest.mark.parametrize(
    "text", ["Kill!", "He kills", "killed", "a killer", "the killings", "stabbing", "raped", "-stab-"]
)
def test_english_words_are_found_in_all_their_forms(text: str) -> None:
    assert found(text, "kill", "stab", "rape")


@pytest.mark.parametrize(
    "text", ["töten", "getötet", "TOETEN", "tötete", "To\u0308ten", "die Waffen", "Drogen", "der Droge"]
)
def test_german_words_are_found_in_all_their_forms(text: str) -> None:
    assert found(text, "töten", "waffe", "droge", language="de")


@pytest.mark.parametrize("text", ["skill", "Killarney", "Essex", "drape", "grapes", "stable", "Waffeln", "Drogerie"])
def test_a_word_is_no_part_of_another(text: str) -> None:
    assert not found(text, "kill", "sex", "rape", "stab")
    assert not found(text, "waffe", "droge", "sex", language="de")


@pytest.mark.parametrize(
    "text",
    [
        "k1ll", "ki11", "K!LL", "k i l l", "k.i.l.l", "k-1-l-l them", "killll", "kiiiill", "k*ll", "кill", "kìll",
        "k\u200bill", "ｋｉｌｌ",
    ],
)  # fmt: skip
def test_disguises_are_seen_through(text: str) -> None:
    assert found(text, "kill") == ["kill"]


@pytest.mark.parametrize(
    "text", ["174 bpm", "in C#m", "24/7", "wow!!!", "A B C D", "skiiill", "1 2 3", "k*ss", "*kind*"]
)
def test_other_signs_are_no_disguise(text: str) -> None:
    assert not found(text, "kill", "bum", "14/88", "cum")


def test_an_exact_form_alone() -> None:
    assert found("an ace, an ass", "=ass") == ["=ass"]
    assert not found("asses", "=ass")


def test_compounds_only_where_they_are_meant() -> None:
    assert found("Mordwaffe", "mord-", language="de") == ["mord-"]
    assert found("Massenmord", "-mord", language="de") == ["-mord"]
    assert found("zwölfjährige", "-jährig-", language="de") == ["-jährig-"]
    assert not found("Mordwaffe und Massenmord", "mord", language="de")


def test_words_in_a_row_and_with_some_between() -> None:
    assert found("Go and kill yourself", "kill yourself")
    assert not found("kill the pain, love yourself", "kill yourself")
    assert found("how to build a big nice bomb", "build .. bomb")
    assert not found("build a house that nobody can ever bomb", "build .. bomb")


def test_an_innocent_sense_covers_its_own_words_alone() -> None:
    assert not found("Kill the lights", "kill", innocent=("kill .. lights",))
    assert found("Kill the lights, then kill him", "kill", innocent=("kill .. lights",)) == ["kill"]


def test_a_finding_names_its_list_level_and_place() -> None:
    (each,) = lexicon("kill").find("They KILLED it", "kids")
    assert (each.term, each.text, each.category, each.language, each.level, each.list) == (
        "kill", "killed", "x", "en", "kids", "x",
    )  # fmt: skip


def test_a_laxer_level_does_not_look_for_the_terms_of_a_stricter_one() -> None:
    assert [len(lexicon("kill").find("kill", level)) for level in LEVELS] == [0, 0, 0, 1]
