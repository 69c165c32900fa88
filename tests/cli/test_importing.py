"""`import`, `schema` and `lint` on the command line, as far as no other process is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import importing
from cli.importing import (
    PROBLEMS_SHOWN,
    check_words,
    import_file,
    list_runnable,
    own_folder,
    refusal,
    write_schemas,
)
from config import ROOT, Settings
from devserver.nodes.prompting import wordlists
from schemas.editors import SCHEMA_FILES
from schemas.errors import DefinitionError, DefinitionProblem
from schemas.importing.form import ImportRefused

GRAPH = ROOT / "schemas" / "graphs" / "silence_mp3.json"


def settings(**given: Any) -> Settings:
    return Settings.model_validate({"discover": False, **given})


def test_what_is_imported_goes_into_the_last_of_the_own_folders(tmp_path: Path) -> None:
    assert own_folder(settings(definitions=[tmp_path / "a", tmp_path / "b"])) == tmp_path / "b"
    assert own_folder(settings()) == ROOT / "definitions"


async def refused(file: Path, folder: Path, name: str | None = None, table: Path | None = None, **given: Any) -> str:
    with pytest.raises(ImportRefused) as wrong:
        await import_file(settings(definitions=[folder], **given), file, name=name, table=table, replace=True)
    assert_empty(folder)
    return refusal(wrong.value)


def assert_empty(folder: Path) -> None:
    assert not list(folder.rglob("*.*"))


async def test_a_name_of_the_shipped_ones_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped" / "chunks" / "silence_mp3.yaml"
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    monkeypatch.setattr(importing, "definition_folders", lambda _: [tmp_path / "shipped", tmp_path / "own"])
    told = await refused(GRAPH, tmp_path / "own")
    assert told == f"Not imported: the name silence_mp3 is taken; choose another with --name\n  {shipped}"
    assert shipped.exists()


@pytest.mark.parametrize(("content", "words"), [("[", "is not JSON"), ("[1]", "must be a mapping")])
async def test_a_table_that_is_none_is_told_before_anything_is_made(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "table.json").write_text(content)
    told = await refused(GRAPH, tmp_path / "own", "mine", tmp_path / "table.json")
    assert told.startswith("Not imported: table.json is not a table of node classes\n")
    assert words in told


async def test_a_backend_that_cannot_tell_its_nodes_is_told(tmp_path: Path) -> None:
    told = await refused(GRAPH, tmp_path / "own", "mine", backends=[{"name": "gone", "url": "http://127.0.0.1:9"}])
    assert told.startswith("Not imported: http://127.0.0.1:9 does not list its nodes: ")


def test_each_reason_stands_on_a_line_of_its_own() -> None:
    assert refusal(ImportRefused("no", ["a", "b"])) == "Not imported: no\n  a\n  b"
    error = DefinitionError([DefinitionProblem("a.yaml", 3, "kind", "is required")])
    assert refusal(error) == "Not imported: the existing definitions have problems\n  a.yaml:3: kind: is required"


async def test_lint_of_a_silent_backend_says_so_and_fails() -> None:
    lines, well = await list_runnable(settings(backends=[{"name": "gone", "url": "http://127.0.0.1:9"}]))
    assert not well
    assert lines[0].startswith("gone at http://127.0.0.1:9: ")
    assert len(lines) <= PROBLEMS_SHOWN


def test_the_schemas_are_written_for_each_kind_and_how_to_use_them_is_said(tmp_path: Path) -> None:
    told = write_schemas(tmp_path / "made")
    for kind, place in SCHEMA_FILES.items():
        assert json.loads((tmp_path / "made" / f"{kind}.json").read_text())["$schema"]
        assert f"{kind}.json for {place}/*.yaml" in told
    assert f"$schema={(tmp_path / 'made' / 'chunk.json').as_uri()}" in told


def test_the_words_are_read_and_their_first_problem_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_words() == []
    (tmp_path / "nl.yaml").write_text("moods:\n  calm: rustig\n", "utf-8")
    monkeypatch.setattr(wordlists, "FOLDER", tmp_path)
    assert check_words() == ["nl.yaml:2: a list of terms is expected for 'calm': `[term, term]`"]
