"""Definition files with anything in them: the loader says what is wrong and where, and never ends in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from config import Settings
from schemas.errors import DefinitionError
from schemas.importing.check import problems_of
from schemas.loader import load_tables
from schemas.sources import DEEPEST, LONGEST_YAML, MOST_PROBLEMS, MOST_VALUES, TOO_DEEP, Source, draft_source
from tests.attacks.made import QUIET, values
from tests.doubles.programs import ROOT
from tests.loading import load_catalog

TABLES = load_tables([ROOT / "schemas"])
SHIPPED = {
    ("chunk", "procedural_instrumental"): "chunks/procedural_instrumental.yaml",
    ("pipeline", "text_to_audio"): "pipelines/text_to_audio.yaml",
    ("interception", "dada"): "configs/interception/dada.yaml",
    ("output", "procedural_instrumental"): "configs/output/procedural_instrumental.yaml",
    ("graph", "procedural_instrumental"): "graphs/procedural_instrumental.json",
}
TEXTS = {key: (ROOT / "schemas" / file).read_text() for key, file in SHIPPED.items()}


def check(kind: str, text: str) -> None:
    """Every problem names the file, a line that it has, a field and why."""
    name = next(name for one, name in TEXTS if one == kind)
    for problem in problems_of({**TEXTS, (kind, name): text}, [], TABLES):
        if problem.file == f"{kind}/{name}":
            assert 1 <= problem.line <= text.count("\n") + 1, problem
            assert isinstance(problem.field, str)
            assert problem.message


@pytest.mark.parametrize("kind", [kind for kind, _ in SHIPPED])
@given(text=st.text())
@example(text="O\u0087\u00cf\x1e\u0087{5")
@example(text="? [a]\n: b")
@example(text="a: !!python/object:os.system x")
@example(text="a: &x [*x]")
@example(text="a: 1\n<<: {b: 2}")
@example(text="a: " + "9" * 5000)
@example(text="!!set {a, b}")
@example(text="a: !!binary x")
@example(text="a: !!timestamp 2001-99-99")
@example(text="--- a\n--- b")
@example(text="%YAML 9.9\n---\na: b")
@QUIET
def test_any_text(kind: str, text: str) -> None:
    check(kind, text)


@pytest.mark.parametrize("kind", [kind for kind, _ in SHIPPED])
@given(data=st.data())
@QUIET
def test_a_right_file_with_a_wrong_value_in_one_place(kind: str, data: st.DataObject) -> None:
    content = yaml.safe_load(next(text for (one, _), text in TEXTS.items() if one == kind))
    place = data.draw(st.sampled_from(list(places(content))), label="place")
    inner: Any = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = data.draw(values(), label="value")
    check(kind, json.dumps(content) if kind == "graph" else yaml.safe_dump(content, allow_unicode=True))


def places(content: Any, path: tuple[Any, ...] = ()) -> Any:
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("levels", [DEEPEST + 5, 500, 5000, 100_000])
@pytest.mark.parametrize("json_text", [False, True])
def test_what_is_too_deep_is_said_and_does_not_end_the_process(levels: int, json_text: bool) -> None:
    """In a process of its own: libyaml's composer and its C stack would take the tests along."""
    program = (
        "import sys; from schemas.sources import draft_source\n"
        "levels, json_text = int(sys.argv[1]), sys.argv[2] == 'True'\n"
        "texts = ['[' * levels, '{a: ' * levels, '- ' * levels + 'x', '? ' * levels + 'x', '*x ' + '[' * levels,\n"
        "  '{\"a\": ' + '[' * levels + ']' * levels + '}', '{\"a\":' * levels + '1' + '}' * levels]\n"
        "for text in texts:\n"
        "    found = draft_source('chunk', 'x', text, 'x.yaml', json_text=json_text)\n"
        "    assert isinstance(found, list) and found[0].line == 1, text[:20]\n"
    )
    command = [sys.executable, "-c", program, str(levels), str(json_text)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_deep_enough_is_read() -> None:
    text = '{"a": ' * (DEEPEST - 1) + "1" + "}" * (DEEPEST - 1)
    for json_text in (False, True):
        assert isinstance(draft_source("chunk", "x", text, "x", json_text=json_text), Source)
        deeper = '{"a": {"a": ' + text + "}}"
        (problem,) = draft_source("chunk", "x", deeper, "x", json_text=json_text)  # type: ignore[misc]
        assert TOO_DEEP in problem.message


@given(content=st.dictionaries(st.text(), values(), max_size=4))
@QUIET
def test_settings_of_any_kind_are_refused_in_words(content: dict[str, Any]) -> None:
    with suppress(ValidationError):
        Settings(**content)


def test_a_folder_of_files_that_are_none(tmp_path: Path) -> None:
    for number, raw in enumerate((b"\xff\xfe", b"\x00", b"", b"[", b"a: b: c", b"- 1", b"\xef\xbb\xbfa: 1")):
        file = tmp_path / "chunks" / f"bad{number}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(raw)
    with pytest.raises(DefinitionError) as caught:
        load_catalog([tmp_path], TABLES)
    assert {Path(problem.file).name for problem in caught.value.problems} == {
        f"bad{number}.yaml" for number in range(7)
    }


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("output", "#" * (LONGEST_YAML + 1), f"at most {LONGEST_YAML} are allowed"),
        ("output", "a: [" + "1," * (MOST_VALUES + 1) + "1]", f"more than {MOST_VALUES} values"),
        ("output", "".join(f"k{number}: 1\n" for number in range(1000)), "more problems"),
        ("output", "a: 1\n" * 1000, "is given twice"),
        ("pipeline", "stages: [" + "1," * 1000 + "1]", "more problems"),
        ("interception", f"label: {'x' * 100_000}", "must be a mapping"),
    ],
)
def test_a_text_with_too_much_in_it_is_told_of_briefly(kind: str, text: str, words: str) -> None:
    problems = problems_of({(kind, "x"): text}, [], TABLES)
    assert len(problems) <= MOST_PROBLEMS + 1
    assert any(words in problem.message for problem in problems)
    assert all(len(problem.message) < 400 for problem in problems)
