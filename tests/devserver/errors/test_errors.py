"""The sentences that users read: every site names one, every one has a site, and all are documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from devserver.errors import VALUE_CODES, InputError
from devserver.errors.sentences import MESSAGES, placeholders
from tests.doubles.programs import ROOT

FOLDERS = ("devserver", "my_app", "cli")
CALLS = {"InputError": 0, "error_body": 1, "_full": 0, "say": 0}  # and which of their arguments is the code
ELSEWHERE = {"message"}  # an argument that says the sentence at the site


def sites() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """Every place where something is refused, fails or is warned of, with the expression of its code."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
                if isinstance(node, ast.Call) and name in CALLS and len(node.args) > CALLS[name]:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, node.args[CALLS[name]]


def texts_of_files() -> set[str]:
    """Every text that stands in the source, so that a code in a variable counts as used."""
    found: set[str] = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


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
    for path in (ROOT / "devserver").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


def test_a_refusal_has_its_sentence_its_code_and_what_stands_in_it() -> None:
    refused = InputError("unknown_stem", status=404, field="name", value="{x}", run_id="20240131-235959-1f2e3d4c")
    assert refused.message == "Run 20240131-235959-1f2e3d4c has no such stem."
    assert (refused.message_code, refused.values) == ("unknown_stem", {"run_id": "20240131-235959-1f2e3d4c"})
    named = InputError("unknown_host", field="Host", value="{field}")
    assert named.message == "This server does not answer to the name '{field}'."
    assert named.values == {"value": "{field}"}
