"""The sentences that users read: every site names one, every one has a site, and all are documented."""

from __future__ import annotations

import ast
import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from devserver.comfy.errors import Failure as PromptFailure
from devserver.comfy.errors import PromptFailed, unexpected_answer
from devserver.errors import VALUE_CODES, InputError
from devserver.errors.disk import disk_trouble
from devserver.errors.sentences import MESSAGES, Quoted, Said, Several, placeholders, say
from tests.doubles.programs import ROOT

RANGES = ("at most ", "up to ", "1 to ", "a number from ", "a whole number")  # the beginning of one in words
FOLDERS = ("devserver", "my_app", "cli")
CALLS = {"InputError": 0, "error_body": 1, "_full": 0, "say": 0}  # and which of their arguments is the code
FAULTS = {  # of backends and of language models
    *("BackendError", "Unreachable", "NotServing", "Denied", "StillRunning", "OutputMissing", "PromptLost"),
    *("WorkerLost", "Interrupted", "LostWithServer", "NotTaken", "Gone"),
    *("LlmError", "TooSlow", "HttpProblem", "EmptyAnswer", "Declined", "CutOff", "NotJson", "WrongShape"),
}
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


def test_nothing_is_told_of_a_backend_or_a_model_in_words_without_a_code() -> None:
    """What users meet; the modules that are left out break off where another program breaks its protocol."""
    rare = {
        *("comfy/files.py", "comfy/client.py", "comfy/swarm.py", "comfy/prompt.py", "comfy/follow.py"),
        *("llm/chat.py", "llm/ask.py"),
    }
    wordy = []
    for folder in ("comfy", "llm", "stages"):
        for path in (ROOT / "devserver" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                    continue
                name, args = getattr(node.exc.func, "id", ""), node.exc.args
                place = 1 if folder == "llm" else 0
                if name in FAULTS and len(args) > place and isinstance(args[place], ast.JoinedStr | ast.Constant):
                    wordy.append(str(path.relative_to(ROOT / "devserver")))
    assert set(wordy) <= rare, wordy


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


def test_a_sentence_in_a_sentence_has_its_own_code_and_values() -> None:
    inner = say("backend_no_answer", request="GET http://gpu/prompt", problem=Quoted("Connection refused"))
    said = say("attempt_lost", attempt=2, problem=inner)
    assert said.message == "Attempt 2 was lost: GET http://gpu/prompt: no answer (Connection refused)"
    assert said.values == {
        "attempt": 2,
        "problem": "GET http://gpu/prompt: no answer (Connection refused)",
        "problem_code": "backend_no_answer",
        "problem_values": {
            "request": "GET http://gpu/prompt",
            "problem": "Connection refused",
            "problem_quoted": True,
        },
    }
    assert json.loads(json.dumps(said.values)) == said.values


def test_several_sentences_in_the_place_of_one_are_its_parts() -> None:
    parts = [say("llm_no_answer", endpoint="here", url="http://here"), say("llm_cut_off", endpoint="there")]
    said = say("llm_failed", problem=Several(parts))
    assert said.message == "here does not answer at http://here. there stopped in the middle of its answer."
    assert said.values["problem_parts"] == [
        {"message": one.message, "code": one.message_code, "values": one.values} for one in parts
    ]


def test_a_refusal_says_the_sentence_in_it_by_its_code() -> None:
    inner = say("file_cut_off")
    refused = InputError("file_refused", field="file", value="a.wav", name="a.wav", problem=inner)
    assert refused.message == "a.wav is cut off: its end is missing."
    assert (refused.values["problem_code"], refused.values["problem_values"]) == ("file_cut_off", {})


def test_a_full_disk_says_where_in_any_language() -> None:
    trouble = disk_trouble(OSError(errno.ENOSPC, "No space left on device"))
    assert trouble is not None
    assert trouble.message == "There is no room left for what the run makes."
    assert trouble.said.values == {"where": "what the run makes", "where_code": "disk_of_run", "where_values": {}}
    closed = disk_trouble(OSError(errno.EROFS, "Read-only file system", "/exports/run/x.wav"))
    assert closed is not None
    assert (closed.said.values["where"], closed.said.values["problem_quoted"]) == ("x.wav", True)


def test_what_a_backend_says_is_quoted() -> None:
    failed = PromptFailed(PromptFailure("CUDA out of memory", "3", "KSampler", out_of_memory=True))
    assert str(failed) == "node 3 (KSampler): out of memory: CUDA out of memory"
    assert failed.said.message_code == "node_out_of_memory"
    assert (failed.said.values["node"], failed.said.values["problem_quoted"]) == ("3", True)
    gateway = unexpected_answer("GET", "http://gpu/queue", 502, "<h1>Bad Gateway</h1>")
    assert str(gateway) == "GET http://gpu/queue answered 502: Bad Gateway"
    assert (gateway.said.message_code, gateway.said.values["problem_quoted"]) == ("backend_answered", True)


def test_every_range_in_words_is_a_range_for_programs() -> None:
    wordy = [
        code for code, said in MESSAGES.items() if said.get("allowed", "").startswith(RANGES) and "limits" not in said
    ]
    assert wordy == ["form_too_much_before_file"], "which has two limits, each a value of its own"


def test_limits_are_numbers_not_their_words() -> None:
    refused = InputError("class_size", field="class", value=900, most=200)
    assert refused.allowed == "a number from 1 to 200"
    assert refused.values == {"most": 200, "allowed": {"at_least": 1, "at_most": 200}}
    assert InputError("run_ended", state="success").values["allowed"] == ["queued", "running"]


def test_no_sentence_names_what_stands_beside_its_values() -> None:
    reserved = ("_code", "_values", "_parts", "_quoted")
    named = {
        name
        for said in MESSAGES.values()
        for text in said.values()
        if isinstance(text, str)
        for _, name, _, _ in Formatter().parse(text)
        if name
    }
    assert [name for name in sorted(named) if name.endswith(reserved) or name == "allowed"] == []
