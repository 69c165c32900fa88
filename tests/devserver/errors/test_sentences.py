"""The sentences that users read: every site names one, every one has a site, and all are documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from devserver.errors import VALUE_CODES
from devserver.errors.sentences import MESSAGES, Said, placeholders, say
from tests.doubles.programs import ROOT

FOLDERS = ("devserver", "my_app", "cli")
CALLS = {"InputError": 0, "error_body": 1, "_full": 0, "say": 0}  # and which of their arguments is the code
ELSEWHERE = {"message"}  # an argument that says the sentence at the site


@cache
def nodes() -> Mapping[Path, Sequence[ast.AST]]:
    """Every node of the source by its file, read once for all tests."""
    paths = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    found = {path: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for path in paths}
    return {path: [one for one in each if isinstance(one, ast.Call | ast.Constant)] for path, each in found.items()}


def sites() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """Every place where something is refused, fails or is warned of, with the expression of its code."""
    for path, each in nodes().items():
        for node in each:
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in CALLS and len(node.args) > CALLS[name]:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node, node.args[CALLS[name]]


def texts_of_files() -> set[str]:
    """Every text that stands in the source, so that a code in a variable counts as used."""
    every = (node for each in nodes().values() for node in each)
    return {node.value for node in every if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_refusal_names_a_sentence() -> None:
    literal = {
        (where, code.value)
        for where, call, code in sites()
        if isinstance(code, ast.Constant) and not ELSEWHERE & {each.arg for each in call.keywords}
    }
    assert len(literal) > 80
    assert [each for each in sorted(literal) if each[1] not in MESSAGES] == []


def test_no_stage_fails_and_nothing_is_warned_of_in_words_without_a_code() -> None:
    said = {"StageError": 0, "Blocked": 0, "warn": 1, "warn_later": 1}
    found, wordy = 0, []
    for path in nodes():
        for node in nodes()[path] if path.is_relative_to(ROOT / "devserver") else ():
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in said and len(node.args) > said[name]:
                found += 1
                if not isinstance(node.args[said[name]], ast.Call | ast.Name | ast.Attribute):
                    wordy.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert (found > 35, wordy) == (True, [])


def test_every_sentence_is_said_somewhere() -> None:
    assert set(MESSAGES) - texts_of_files() == set()


def test_every_site_gives_the_values_of_its_sentence() -> None:
    for where, call, code in sites():
        given = {each.arg for each in call.keywords} | {"field", "value"}
        literal = isinstance(code, ast.Constant) and code.value in MESSAGES and isinstance(call.func, ast.Name)
        if literal and None not in given:  # `**about` cannot be looked into
            assert placeholders(ast.literal_eval(code)) <= given, where


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert sorted(code for code in {*MESSAGES, *VALUE_CODES} if f"`{code}`" not in page) == []


FIRST = {"message": "{field} has no {name}.", "hint": "Ask for {other}.", "allowed": "{low} to {high}"}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sentences, one of them with nothing beside it."""
    monkeypatch.setitem(MESSAGES, "first", FIRST)
    monkeypatch.setitem(MESSAGES, "bare", {"message": "No."})


@pytest.mark.usefixtures("table")
def test_a_sentence_is_said_with_its_hint_and_what_is_allowed() -> None:
    values: dict[str, Any] = {"field": "x", "name": "{y}", "other": "z", "low": 1, "high": 2}
    assert say("first", **values) == Said("x has no {y}.", "Ask for z.", "first", "1 to 2", values)
    assert say("bare") == Said("No.", "", "bare", None, {})


@pytest.mark.usefixtures("table")
def test_a_hint_of_the_site_takes_the_place_of_the_tables() -> None:
    assert say("first", "Do it {so}.", field="x", name="y", low=1, high=2).hint == "Do it {so}."


@pytest.mark.usefixtures("table")
def test_a_sentence_without_one_of_its_values_is_a_mistake_of_the_site() -> None:
    with pytest.raises(KeyError, match="name"):
        say("first", field="x", other="z", low=1, high=2)


@pytest.mark.usefixtures("table")
def test_the_values_of_a_sentence_are_those_of_all_its_texts() -> None:
    assert placeholders("first") == {"field", "name", "other", "low", "high"}
    assert placeholders("bare") == set()
