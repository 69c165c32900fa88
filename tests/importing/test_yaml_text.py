"""Definitions as YAML that reads back as the same values."""

from __future__ import annotations

import yaml

from schemas.importing.yaml_text import yaml_text
from schemas.json_values import JsonObject
from schemas.sources import Source, draft_source

TEXTS = [
    *("plain", "", " ", "a\nb", "a\nb\n", "a\nb\n\n\n", "\na", " a\n b", "a \nb", "tab\there\nb", "[verse]\n\n  la\n"),
    *("1e5", "012", "-.5", "off", "null", "~", "true", "12:30", "2020-01-01", "=", "<<", "a: b", "# no", "- x", "%x"),
    *("x\u2028y\nz", "\x85\nb", "e\u0301\n\ufeffx", "ふわふわ　おみみが\nゆれるよ", "🎵 a\nb", "long " * 80),
    *("quote ' and \"", "back\\slash\nb", "@file:x", "{a}"),
]


def test_every_text_reads_back_as_it_was() -> None:
    named: JsonObject = {str(n): text for n, text in enumerate(TEXTS)}
    content: JsonObject = {"block": named, "row": [*TEXTS], "lines": [named, {"inner": [*TEXTS]}]}
    source = draft_source("chunk", "x", yaml_text(content, head="one\ntwo"), "x")
    assert isinstance(source, Source), source
    assert source.content == content
    assert yaml.safe_load("- 1e5") == ["1e5"]  # why numbers that only our reader knows are quoted


def test_every_number_reads_back_as_it_was() -> None:
    numbers = [0, -1, 2**64, 0.1, 1e-9, 1e22, -2.5, 1.0, True, None]
    source = draft_source("chunk", "x", yaml_text({"n": numbers}, head="x"), "x")
    assert isinstance(source, Source)
    assert source.content["n"] == numbers
    assert [type(one) for one in source.content["n"]] == [type(one) for one in numbers]
