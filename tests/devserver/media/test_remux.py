"""Tags of WebM, written by writing the container anew."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from devserver.media.remux import read_matroska, write_matroska
from tests.devserver.media_files import write_video, write_webm


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def test_the_old_tags_go_and_pictures_stay_as_they_were(tmp_path: Path) -> None:
    path = write_webm(tmp_path / "a.webm")
    before = packets(path)
    assert "prompt" in read_matroska(path)
    write_matroska("webm", path, {"title": "größer 🎵"})
    found = read_matroska(path)
    assert found["title"] == "größer 🎵"
    assert not {"prompt", "workflow"} & found.keys()
    assert packets(path) == before


def test_the_same_tags_give_the_same_bytes(tmp_path: Path) -> None:
    path = write_webm(tmp_path / "a.webm")
    original = path.read_bytes()
    made = []
    for _ in range(2):
        path.write_bytes(original)
        write_matroska("webm", path, {"title": "x"})
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_a_file_that_is_none_stays_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    path.write_text("no film")
    with pytest.raises(av.FFmpegError):
        write_matroska("webm", path, {"title": "x"})
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.webm", "no film")]


def test_a_container_that_cannot_hold_the_pictures_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    before = path.read_bytes()
    with pytest.raises((av.FFmpegError, ValueError)):
        write_matroska("webm", path, {"title": "x"})
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == before
