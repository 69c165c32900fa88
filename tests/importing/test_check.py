"""Texts of definitions that are not written yet, held against those in the folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.importing.check import by_kind, problems_of
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.importing.making import SHIPPED

OUTPUT = "configs/output/silence_mp3.yaml"
TEXT = (SHIPPED / OUTPUT).read_text()


@pytest.fixture(scope="module")
def tables() -> dict[str, NodeTable]:
    return load_tables([SHIPPED])


def problems(texts: dict[tuple[str, str], str], tables: dict[str, NodeTable], *folders: Path) -> list[str]:
    return [str(problem) for problem in problems_of(texts, [SHIPPED, *folders], tables)]


def test_a_text_is_named_by_its_kind_and_name_and_its_line(tables: dict[str, NodeTable]) -> None:
    told = problems({("output", "mine"): TEXT.replace("chunk: silence_mp3", "chunk: silence_mp4")}, tables)
    line = TEXT.splitlines().index("chunk: silence_mp3") + 1
    assert [one.partition(";")[0] for one in told] == [
        f"output/mine:{line}: chunk: there is no chunk named silence_mp4"
    ]


def test_texts_are_seen_by_each_other_and_lie_over_the_files(tables: dict[str, NodeTable]) -> None:
    chunk = (SHIPPED / "chunks/silence_mp3.yaml").read_text()
    output = TEXT.replace("chunk: silence_mp3", "chunk: hush")
    assert problems({("output", "silence_mp3"): output}, tables)
    assert problems({("output", "silence_mp3"): output, ("chunk", "hush"): chunk}, tables) == []


def test_a_text_that_cannot_be_read_is_told_as_its_kind_asks(tables: dict[str, NodeTable]) -> None:
    told = problems({("graph", "mine"): "a: 1", ("chunk", "mine"): "["}, tables)
    assert [one.partition(": ")[2][:11] for one in told] == ["is not YAML", "is not JSON"]
    assert [one.partition(":")[0] for one in told] == ["chunk/mine", "graph/mine"]


def test_what_is_wrong_in_the_folders_is_not_told(tables: dict[str, NodeTable], tmp_path: Path) -> None:
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "torn.yaml").write_text("kind: [")
    assert problems({("output", "mine"): TEXT}, tables, tmp_path) == []


def test_files_are_known_by_their_folder_and_a_table_is_no_definition() -> None:
    files = {
        "graphs/a.json": "1",
        "chunks/a.yaml": "2",
        "configs/output/a.yml": "3",
        "tables/a.json": "4",
        "b.yaml": "5",
    }
    assert by_kind(files) == {("graph", "a"): "1", ("chunk", "a"): "2", ("output", "a"): "3"}
