"""A draft among the other definitions: what is written with it, and that it changes none of them."""

from __future__ import annotations

import copy
from pathlib import Path

from schemas.graph import Graph
from schemas.importing.admit import Imported, existing_files
from schemas.importing.form import parse_graph
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.importing.making import SHIPPED, imported
from tests.importing.saved import node, save, saved
from tests.loading import load_catalog


def written(done: Imported, folder: Path) -> None:
    for place, text in done.files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)


def test_what_was_written_is_loaded_without_a_problem_and_says_the_same(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    written(imported(song, table), tmp_path)
    folders = [SHIPPED, tmp_path]
    catalog = load_catalog(folders, load_tables(folders))
    assert catalog.graph("mine") == song
    chunk = catalog.chunk_of("mine")
    assert chunk.parameters["lyrics"].default == "[verse]\nla"
    assert chunk.parameters["prompt"].description.de == "Was entstehen soll, in Worten (The song)."
    assert chunk.parameters["seconds"].max == 1000


def test_classes_that_the_shipped_tables_lack_come_along_in_a_table(table: NodeTable) -> None:
    zither = table.classes["EmptyAudio"].to_trimmed()
    known = NodeTable.from_json({**table.to_trimmed(), "Zither": zither})
    content = saved(node(1, "Zither", 2.0, 44100, 2, gives="AUDIO"), save(), links=[[1, 1, 0, 9, 0]])
    files = imported(content, known).files
    assert list(files) == ["tables/mine.json", "graphs/mine.json", "chunks/mine.yaml", "configs/output/mine.yaml"]
    assert parse_graph(files["tables/mine.json"]) == {"Zither": zither}


def test_a_class_that_is_another_than_the_shipped_one_is_looked_at_first_for_this_chunk_alone(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    entry = table.classes["SaveAudioMP3"].to_trimmed()
    entry["input"]["required"]["quality"]["options"] = ["super"]
    newer = NodeTable.from_json({**table.to_trimmed(), "SaveAudioMP3": entry})
    graph = copy.deepcopy(song)
    graph["7"]["inputs"]["quality"] = "super"
    written(imported(graph, newer), tmp_path)
    folders = [SHIPPED, tmp_path]
    catalog = load_catalog(folders, load_tables(folders))  # the shipped ones use 128k, and are right as before
    assert (catalog.chunk_of("mine").table, catalog.chunk_of("silence_mp3").table) == ("mine", None)
    again = imported(song, table, name="old", folders=(tmp_path,))
    assert "table" not in again.draft.chunk  # nor does it change what is imported next
    assert imported(graph, newer, name="next", folders=(tmp_path,)).draft.chunk["table"] == "next"
    (tmp_path / "chunks" / "other.yaml").write_text("kind: graph\ngraph: nowhere\n")
    assert imported(graph, newer, name="third", folders=(tmp_path,)).files  # whose fault that is, it is not this one's


def test_what_is_wrong_with_other_definitions_is_not_the_new_ones_fault(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "other.yaml").write_text("kind: graph\ngraph: nowhere\n")
    assert imported(song, table, folders=(tmp_path,)).files


def test_a_name_that_is_taken_is_found_in_every_kind(tmp_path: Path) -> None:
    assert [path.parent.name for path in existing_files("silence_mp3", [SHIPPED])] == ["chunks", "output", "graphs"]
    assert existing_files("mine", [SHIPPED, tmp_path]) == []


def test_new_classes_beside_changed_ones_are_all_in_the_table_that_is_written(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    entry = table.classes["SaveAudioMP3"].to_trimmed()
    entry["input"]["required"]["quality"]["options"] = ["V0", "super"]
    zither = table.classes["VAEDecodeAudio"].to_trimmed()
    newer = NodeTable.from_json({**table.to_trimmed(), "SaveAudioMP3": entry, "Zither": zither})
    graph = copy.deepcopy(song)
    graph["7"]["inputs"]["quality"] = "super"
    graph["6"]["class_type"] = "Zither"
    written(imported(graph, newer), tmp_path)
    folders = [SHIPPED, tmp_path]
    assert load_catalog(folders, load_tables(folders)).chunk_of("mine").table == "mine"
    assert {"Zither", "SaveAudioMP3"} <= load_tables(folders)["mine"].classes.keys()


def test_the_files_are_written_so_that_whoever_reads_in_between_finds_what_each_names(
    table: NodeTable, song: Graph
) -> None:
    assert [*imported(song, table).files] == ["graphs/mine.json", "chunks/mine.yaml", "configs/output/mine.yaml"]
