"""What each rule promises, for texts of any kind."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from devserver.stages.rules.table import rewrite
from schemas.text_rules import Rule

RULES: TypeAdapter[Any] = TypeAdapter(Rule)
FORTY = " ".join(f"word{n}" for n in range(40))


def made(kind: str, text: str, seed: int = 1, **parameters: Any) -> str:
    return rewrite(text, RULES.validate_python({"kind": kind, **parameters}), seed)


def test_dada_gives_the_same_words_in_another_order_and_another_by_seed() -> None:
    one, two = made("cut_up", FORTY, 1), made("cut_up", FORTY, 2)
    assert sorted(one.split()) == sorted(FORTY.split())
    assert len({FORTY, one, two}) == 3
    assert made("cut_up", FORTY, 1) == one


def test_longer_cuttings_keep_their_words_together() -> None:
    cut = made("cut_up", FORTY, min_words=4, max_words=4).split()
    starts = [int(word.removeprefix("word")) for word in cut[::4]]
    assert all(cut[4 * n : 4 * n + 4] == [f"word{s + k}" for k in range(4)] for n, s in enumerate(starts))


def test_two_words_change_places_and_one_word_stays() -> None:
    assert all(made("cut_up", "black white", seed) == "white black" for seed in range(20))
    assert all(made("cut_up", "black white", seed, max_words=3) == "white black" for seed in range(20))
    assert made("cut_up", "test") == "test"
    assert made("cut_up", "la la la") == "la la la"
