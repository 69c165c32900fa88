"""Tags: what we write is what others read, in every format, and nothing of the backend's stays unless it should."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import av
import mutagen
import pytest

from devserver.media.tags import TagError, TrackTags, read_tags, write_tags
from devserver.system.sniff import sniff
from tests.devserver.media_files import write_audio, write_image, write_video, write_webm

SOUNDS = ("mp3", "flac", "opus", "wav", "m4a")
ALL = (*SOUNDS, "mp4", "webm", "png")
TAGS = TrackTags(
    title="Nächtliche Straße – 夜",
    bpm=92.5,
    key="F#m",
    lyrics="Strophe eins\nÜber den Dächern 🎵",
    prompt={"3": {"class_type": "SaveAudioMP3", "inputs": {"text": 'quoted "ü" {x} 夜'}}},
    workflow={"nodes": [{"title": "Ä"}]},
    tonewright={"run_id": "r1", "input_text": "ein Lied über Züge"},
)


def made(folder: Path, ext: str) -> Path:
    path = folder / f"sound.{ext}"
    return {"mp4": write_video, "webm": write_webm, "png": write_image}.get(ext, write_audio)(path)


@pytest.mark.parametrize("ext", ALL)
def test_every_tag_is_read_back_as_it_was_written(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    assert write_tags(path, TAGS)
    assert read_tags(path) == TAGS


@pytest.mark.parametrize("ext", ALL)
def test_without_embedding_neither_our_graph_nor_the_backends_is_in_the_file(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    assert b"Backend" in path.read_bytes() or ext in {"wav", "m4a"}
    write_tags(path, TAGS, embed=False)
    found = read_tags(path)
    assert (found.title, found.bpm, found.key, found.lyrics) == (TAGS.title, TAGS.bpm, TAGS.key, TAGS.lyrics)
    assert (found.prompt, found.workflow, found.tonewright) == (None, None, {})
    content = path.read_bytes()
    assert b"class_type" not in content
    assert b"made_by" not in content


@pytest.mark.parametrize("ext", ["mp3", "flac", "opus", "mp4", "webm", "png"])
def test_the_backends_layout_is_kept_where_we_have_none_of_our_own(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    write_tags(path, TrackTags(title="x", prompt={"1": {}}))
    assert read_tags(path).workflow == {"made_by": "backend"}
    assert read_tags(path).prompt == {"1": {}}


@pytest.mark.parametrize("ext", ALL)
def test_the_same_tags_give_the_same_bytes(tmp_path: Path, ext: str) -> None:
    first = made(tmp_path, ext)
    second = tmp_path / f"second.{ext}"
    second.write_bytes(first.read_bytes())
    write_tags(first, TAGS)
    write_tags(second, TAGS)
    assert first.read_bytes() == second.read_bytes()
    write_tags(second, TAGS)
    assert read_tags(second) == TAGS


@pytest.mark.parametrize("ext", ["mp3", "flac", "opus", "wav", "m4a", "mp4"])
def test_ffmpeg_sees_the_graph_and_still_decodes_the_sound(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    write_tags(path, TAGS)
    with av.open(str(path)) as container:
        # Ogg carries its comments on the stream.
        metadata: dict[str, Any] = {**container.streams.audio[0].metadata, **container.metadata}
        assert json.loads(metadata["prompt"]) == TAGS.prompt
        samples = sum(frame.samples for frame in container.decode(container.streams.audio[0]))
        assert samples / 48000 == pytest.approx(1.0, abs=0.03)


def test_mutagen_finds_the_standard_fields_where_players_look(tmp_path: Path) -> None:
    mp3 = made(tmp_path, "mp3")
    write_tags(mp3, TAGS)
    frames: Any = mutagen.File(mp3).tags
    assert frames["TIT2"].text == [TAGS.title]
    assert frames["TBPM"].text == ["92.5"]
    assert frames["TKEY"].text == ["F#m"]
    assert frames.getall("USLT")[0].text == TAGS.lyrics
    assert json.loads(frames["TXXX:tonewright"].text[0]) == TAGS.tonewright
    flac = made(tmp_path, "flac")
    write_tags(flac, TAGS)
    comments: Any = mutagen.File(flac).tags
    assert comments["initialkey"] == ["F#m"]
    assert comments["bpm"] == ["92.5"]


def page_reads_mp3(data: bytes, key: str) -> Any:
    """As ComfyUI's page does it: bytes as characters, up to the first page with a frame's mark."""
    head = ""
    while len(head) < len(data):
        page = data[len(head) : len(head) + 4096].decode("latin-1")
        head += page
        if "\xff\xfb" in page:
            break
    found = re.search(key + "\0({.*?})\0", head, re.DOTALL)
    return json.loads(found[1]) if found else None


def page_reads_keys(data: bytes, key: str) -> Any:
    """As ComfyUI's page does it: the first user data at the top or in the movie, in it `meta`, `keys`, `ilst`."""

    def find(kind: bytes, start: int, end: int) -> tuple[int, int] | None:
        at = start
        while at < end - 8:
            size = int.from_bytes(data[at : at + 4], "big")
            if size >= 8 and data[at + 4 : at + 8] == kind:
                return at + 8, at + size
            at += size if size >= 8 else 1
        return None

    user_data = find(b"udta", 0, len(data)) or find(b"udta", *(find(b"moov", 0, len(data)) or (0, 0)))
    meta = find(b"meta", *user_data) if user_data else None
    keys = find(b"keys", meta[0] + 4, meta[1]) if meta else None
    items = find(b"ilst", meta[0] + 4, meta[1]) if meta else None
    if keys is None or items is None:
        return None
    at, names = keys[0] + 8, []
    while at < keys[1]:
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 8 : at + size].decode())
        at += size
    at = items[0]
    while at < items[1] - 8:
        size, index = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
        if names[index - 1] == key:
            return json.loads(data[at + 24 : at + size])
        at += size
    return None


def test_comfyuis_page_opens_the_graph_of_an_mp3(tmp_path: Path) -> None:
    path = made(tmp_path, "mp3")
    write_tags(path, TAGS)
    assert page_reads_mp3(path.read_bytes(), "prompt") == TAGS.prompt
    assert page_reads_mp3(path.read_bytes(), "workflow") == TAGS.workflow


@pytest.mark.parametrize("ext", ["mp4", "m4a"])
def test_comfyuis_page_opens_the_graph_of_an_mp4(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    write_tags(path, TAGS)
    assert page_reads_keys(path.read_bytes(), "prompt") == TAGS.prompt
    assert page_reads_keys(path.read_bytes(), "workflow") == TAGS.workflow


def test_a_png_keeps_its_graph_in_plain_text_before_the_pixels(tmp_path: Path) -> None:
    path = made(tmp_path, "png")
    write_tags(path, TAGS)
    data = path.read_bytes()
    assert b"tEXtprompt\0{" in data
    assert data.index(b"tEXtprompt") < data.index(b"IDAT")


def test_a_webm_keeps_its_pictures(tmp_path: Path) -> None:
    path = made(tmp_path, "webm")

    def pictures() -> list[bytes]:
        with av.open(str(path)) as container:
            return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]

    before = pictures()
    write_tags(path, TAGS)
    assert pictures() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_kind_without_tags_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"a": 1}')
    assert not write_tags(path, TAGS)
    assert path.read_text() == '{"a": 1}'
    assert read_tags(path) == TrackTags()


@pytest.mark.parametrize("ext", ["flac", "m4a", "opus", "png"])
def test_a_file_that_ends_in_its_header_is_named_as_damaged(tmp_path: Path, ext: str) -> None:
    path = made(tmp_path, ext)
    path.write_bytes(path.read_bytes()[:46])
    assert sniff(path).ext == ext
    with pytest.raises(TagError, match=path.name):
        write_tags(path, TAGS)


def test_a_working_copy_is_known_by_the_name_that_it_will_have(tmp_path: Path) -> None:
    path = made(tmp_path, "m4a").rename(tmp_path / "07_output_audio.m4a.part")
    assert write_tags(path, TAGS, name="07_output_audio.m4a")
    assert read_tags(path) == TAGS
