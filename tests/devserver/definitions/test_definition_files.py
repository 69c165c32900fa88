"""Graphs out of files of every kind, and definitions into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devserver.definitions.definition_files import read_graph, write_definitions
from devserver.media.tags import TrackTags, write_tags
from schemas.graph import Graph
from schemas.importing.form import ImportRefused
from tests.devserver.media_files import BACKEND_GRAPH, write_audio, write_image, write_video, write_webm

MAKERS: dict[str, Callable[[Path], Path]] = {
    **dict.fromkeys(("mp3", "flac", "opus", "m4a"), write_audio),
    "mp4": write_video,
    "webm": write_webm,
    "png": write_image,
}


@pytest.fixture
def song() -> Graph:
    """A graph in API form."""
    return {
        "1": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0}},
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0]}},
    }


def write_webp(path: Path, texts: dict[int, str]) -> Path:
    image = Image.new("RGB", (8, 8))
    exif = image.getexif()
    for tag, text in texts.items():
        exif[tag] = text
    image.save(path, "WEBP", exif=exif)
    return path


@pytest.mark.parametrize("ext", [ext for ext in MAKERS if ext != "m4a"])
def test_the_graph_that_a_backend_wrote_is_found(tmp_path: Path, ext: str) -> None:
    assert read_graph(MAKERS[ext](tmp_path / f"file.{ext}")) == BACKEND_GRAPH


@pytest.mark.parametrize("ext", [*MAKERS, "wav"])
def test_the_graph_that_we_wrote_is_found_also_without_the_files_name(tmp_path: Path, song: Graph, ext: str) -> None:
    path = MAKERS.get(ext, write_audio)(tmp_path / f"file.{ext}")
    assert write_tags(path, TrackTags(prompt=song))
    kept = path.rename(tmp_path / "0123abcd")
    assert read_graph(kept, f"upload.{ext}") == song


def test_of_a_picture_in_webp_the_graph_that_ran_is_taken(tmp_path: Path) -> None:
    ran, drawn = json.dumps(BACKEND_GRAPH), json.dumps({"nodes": [], "links": []})
    path = write_webp(tmp_path / "a.webp", {0x0110: f"prompt:{ran}", 0x010F: f"workflow:{drawn}"})
    assert read_graph(path) == BACKEND_GRAPH
    assert read_graph(write_webp(tmp_path / "b.webp", {0x010F: f"workflow:{drawn}"})) == {"nodes": [], "links": []}


def test_a_file_of_json_is_read_with_and_without_a_byte_order_mark(tmp_path: Path, song: Graph) -> None:
    path = tmp_path / "graph.json"
    for mark in ("", "\ufeff", "\n  "):
        path.write_text(mark + json.dumps(song))
        assert read_graph(path) == song


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:60])
    return path


NO_GRAPH: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text.txt": (lambda path: path.write_text("hello"), "holds no graph"),
    "empty.json": (lambda path: path.write_text(""), "holds no graph"),
    "half.json": (lambda path: path.write_text('{"1": '), "not JSON"),
    "latin.json": (lambda path: path.write_bytes(b'{"1": "\xe4"}'), "no text in UTF-8"),
    "plain.mp3": (lambda path: write_audio(path, metadata=False), "holds no graph"),
    "plain.webp": (lambda path: write_webp(path, {}), "holds no graph"),
    "odd.webp": (lambda path: write_webp(path, {0x0110: "prompt:{"}), "holds no graph"),
    "cut.flac": (lambda path: cut(write_audio(path)), "cannot be read"),
    "deep.json": (lambda path: path.write_text('{"a":' * 100_000), "nested too deeply|not JSON"),
}


@pytest.mark.parametrize("name", NO_GRAPH)
def test_a_file_without_a_graph_is_refused_in_words(tmp_path: Path, name: str) -> None:
    make, reason = NO_GRAPH[name]
    make(tmp_path / name)
    with pytest.raises(ImportRefused, match=reason):
        read_graph(tmp_path / name)


def test_definitions_are_written_whole_and_in_their_order(tmp_path: Path) -> None:
    files = {"graphs/a.json": "{}\n", "chunks/a.yaml": "kind: graph\n", "configs/output/a.yaml": "chunk: a\n"}
    folder = tmp_path / "not" / "there"
    assert write_definitions(folder, files) == [folder / place for place in files]
    assert {place: (folder / place).read_text() for place in files} == files
    old = [folder / "graphs/a.json", folder / "chunks/a.yml", folder / "tables/a.json"]
    for path in old[1:]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    write_definitions(folder, files, old)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["a.json", "a.yaml", "a.yaml"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_cannot_hold_is_null_in_a_file_and_in_a_tag(tmp_path: Path, number: str) -> None:
    text = f'{{"1": {{"class_type": "EmptyAudio", "is_changed": [{number}], "inputs": {{}}}}}}'
    plain, picture = tmp_path / "graph.json", write_image(tmp_path / "graph.png")
    plain.write_text(text)
    endless = float("nan") if number == "NaN" else float(number.replace("Infinity", "inf"))
    prompt = {"1": {"class_type": "EmptyAudio", "is_changed": [endless], "inputs": {}}}
    assert write_tags(picture, TrackTags(prompt=prompt))
    wanted = {"1": {"class_type": "EmptyAudio", "is_changed": [None], "inputs": {}}}
    assert read_graph(plain) == read_graph(picture) == wanted


@pytest.mark.parametrize("form", ["utf-16", "utf-16-be", "utf-32"])
def test_a_graph_in_another_unicode_is_told_as_such(tmp_path: Path, form: str) -> None:
    path = tmp_path / "graph.json"
    path.write_bytes('{"1": {}}'.encode(form))
    with pytest.raises(ImportRefused, match=r"graph\.json cannot be read: this is UTF-(16|32); save it as UTF-8"):
        read_graph(path)
