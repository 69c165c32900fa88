from __future__ import annotations

from devserver.definitions import Definitions
from devserver.stages.text import cut_up, find_terms
from schemas.model import CutUp

FORTY = " ".join(f"word{n}" for n in range(40))
SINGLE = CutUp(kind="cut_up")


def test_dada_gives_the_same_words_in_another_order_and_another_by_seed() -> None:
    one, two = cut_up(FORTY, SINGLE, 1), cut_up(FORTY, SINGLE, 2)
    assert sorted(one.split()) == sorted(FORTY.split())
    assert len({FORTY, one, two}) == 3
    assert cut_up(FORTY, SINGLE, 1) == one


def test_longer_cuttings_keep_their_words_together() -> None:
    cut = cut_up(FORTY, CutUp(kind="cut_up", min_words=4, max_words=4), 1).split()
    starts = [int(word.removeprefix("word")) for word in cut[::4]]
    assert all(cut[4 * n : 4 * n + 4] == [f"word{s + k}" for k in range(4)] for n, s in enumerate(starts))


def test_two_words_change_places_and_one_word_stays() -> None:
    assert all(cut_up("black white", SINGLE, seed) == "white black" for seed in range(20))
    assert all(cut_up("black white", CutUp(kind="cut_up", max_words=3), s) == "white black" for s in range(20))
    assert cut_up("test", SINGLE, 1) == "test"
    assert cut_up("la la la", SINGLE, 1) == "la la la"


def test_terms_are_whole_words_in_any_case(definitions: Definitions) -> None:
    chunk = definitions.catalog.text_chunk("safety_input")
    assert find_terms("A MURDER ballad", chunk, "kids") == ["murder"]
    assert find_terms("a murderous ballad about Essex", chunk, "kids") == []
    assert find_terms("a murder ballad", chunk, "adult") == []
