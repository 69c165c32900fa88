from __future__ import annotations

from devserver.definitions import Definitions
from devserver.stages.text import find_terms


def test_terms_are_whole_words_in_any_case(definitions: Definitions) -> None:
    chunk = definitions.catalog.text_chunk("safety_input")
    assert find_terms("A MURDER ballad", chunk, "kids") == ["murder"]
    assert find_terms("a murderous ballad about Essex", chunk, "kids") == []
    assert find_terms("a murder ballad", chunk, "adult") == []
