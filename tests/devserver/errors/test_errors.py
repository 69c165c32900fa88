"""Refusals: a sentence, its code, and the values that stand in it."""

from __future__ import annotations

from devserver.errors import InputError


def test_a_refusal_has_its_sentence_its_code_and_what_stands_in_it() -> None:
    refused = InputError("unknown_stem", status=404, field="name", value="{x}", run_id="20240131-235959-1f2e3d4c")
    assert refused.message == "Run 20240131-235959-1f2e3d4c has no such stem."
    assert (refused.message_code, refused.values) == ("unknown_stem", {"run_id": "20240131-235959-1f2e3d4c"})
    named = InputError("unknown_host", field="Host", value="{field}")
    assert named.message == "This server does not answer to the name '{field}'."
    assert named.values == {"value": "{field}"}
