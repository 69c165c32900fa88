"""Files of chunks that are shorter than they say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from devserver.media.chunks import UNKNOWN_LENGTH_BYTES, boxes_are_whole, is_whole
from devserver.system.sniff import Kind
from tests.devserver.media_files import write_video
from tests.doubles import odd_media

SOUND = odd_media.tone(0.5)
CODECS = {"wav": "pcm_s16le", "aiff": "pcm_s16be", "caf": "pcm_s16le", "w64": "pcm_s16le"}


def whole(path: Path, content: bytes, ext: str) -> bool:
    path.write_bytes(content)
    return is_whole(path, Kind("audio", "audio/x", ext))


@pytest.mark.parametrize("ext", CODECS)
def test_a_file_is_whole_until_something_is_missing(tmp_path: Path, ext: str) -> None:
    content = odd_media.encoded(ext, CODECS[ext], SOUND)
    assert whole(tmp_path / "a", content, ext)
    assert whole(tmp_path / "a", content + bytes(1000), ext)
    assert not whole(tmp_path / "a", content[: len(content) // 2], ext)


def test_a_kind_that_is_no_chunks_is_not_judged_by_its_length(tmp_path: Path) -> None:
    assert whole(tmp_path / "a", b"RIFF\xff\xff\xff\x0fWAVE", "mp3")


@pytest.mark.parametrize(
    "head", [b"RF64" + b"\xff" * 4, b"RIFF" + struct.pack("<I", UNKNOWN_LENGTH_BYTES), b"RIFF" + b"\xff" * 4]
)
def test_a_length_that_was_not_known_when_it_was_written_is_none(tmp_path: Path, head: bytes) -> None:
    assert whole(tmp_path / "a", head + odd_media.wav(SOUND)[8:1000], "wav")


def test_a_core_audio_file_without_a_length_goes_to_its_end(tmp_path: Path) -> None:
    assert whole(tmp_path / "a", b"caff\0\1\0\0data" + b"\xff" * 8 + bytes(100), "caf")


@pytest.mark.parametrize(("length", "ext"), [(0, "w64"), (1 << 62, "w64"), (-5, "caf")])
def test_a_chunk_of_a_senseless_length_is_the_last(tmp_path: Path, length: int, ext: str) -> None:
    chunk = bytes(16) + struct.pack("<Q", length) if ext == "w64" else b"data" + struct.pack(">q", length)
    assert whole(tmp_path / "a", bytes(40 if ext == "w64" else 8) + chunk, ext)


@pytest.mark.parametrize("length", [0, 1])
def test_chunks_of_next_to_nothing_come_to_an_end(tmp_path: Path, length: int) -> None:
    content = bytes(8) + (b"free" + struct.pack(">q", length) + bytes(length)) * 20_000
    assert whole(tmp_path / "a", content, "caf")


def test_a_film_needs_all_of_its_boxes_and_its_contents(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    content = path.read_bytes()
    assert boxes_are_whole(path)
    path.write_bytes(content[:-100])
    assert not boxes_are_whole(path)
    path.write_bytes(content[: content.index(b"moov") - 4])
    assert not boxes_are_whole(path)


def test_a_box_may_have_a_long_length_or_reach_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    long, rest = struct.pack(">I4sQ", 1, b"mdat", 16), struct.pack(">I4s", 0, b"moov") + bytes(9)
    path.write_bytes(long + rest)
    assert boxes_are_whole(path)
    path.write_bytes(struct.pack(">I4sQ", 1, b"mdat", 1 << 40) + rest)
    assert not boxes_are_whole(path)
