"""What a file is, told by its bytes: names of backends and of users are often wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from devserver.system.sniff import KINDS, sniff
from tests.devserver.media_files import write_audio, write_image, write_video


def test_made_files_are_what_they_are_whatever_their_name_says(tmp_path: Path) -> None:
    made = [write_audio(tmp_path / f"a.{ext}", 0.2) for ext in ("mp3", "flac", "opus", "wav", "m4a")]
    made += [write_video(tmp_path / "a.mp4"), write_image(tmp_path / "a.png")]
    for path in made:
        ext = path.suffix.removeprefix(".")
        assert sniff(path) == KINDS[ext]
        assert sniff(path.rename(path.with_suffix(".xyz"))).media == KINDS[ext].media


@pytest.mark.parametrize(
    ("head", "name", "ext"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a.png", "jpg"),
        (b"GIF89a", "a.gif", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a.webp", "webp"),
        (b"MThd\0\0\0\x06", "song.midi", "mid"),
        (b'{"a": 1}', "peaks.json", "json"),
        (b'{"a": 1}', "peaks", "json"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01webm V_VP9 A_OPUS", "a.webm", "webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01webm A_OPUS", "a.webm", "weba"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "a.ogg", "ogg"),
        (b"\xff\xfb\x90\x64" + bytes(200), "a", "mp3"),
        (b"\xff\xf3\x90\x64" + bytes(200), "a.wav", "mp3"),
        (b"\xff\xf1\x50\x80", "a.aac", "aac"),
        (b"ID3\x04\0\0\0\0\0\x02xxfLaC", "a.mp3", "flac"),
        ("[00:12.00] Zeile für Zeile".encode(), "a.lrc", "lrc"),
        ("Prosa: ü".encode(), "a", "txt"),
    ],
)
def test_first_bytes_tell(tmp_path: Path, head: bytes, name: str, ext: str) -> None:
    path = tmp_path / name
    path.write_bytes(head)
    assert sniff(path).ext == ext


def test_bytes_that_are_no_sound_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"\x00\x01\x02" * 100)
    assert sniff(path) == ("file", "application/octet-stream", "mp3")


def test_a_working_copy_is_known_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "07.m4a.part"
    path.write_bytes(b"\0\0\0\x1cftypisom")
    assert sniff(path).ext == "m4a"
    assert sniff(path, "07.mp4").ext == "mp4"


@pytest.mark.parametrize("text", ["MAC and cheese", "caffeine", "wvpk", "#!AMR is no shell"])
def test_a_text_that_begins_like_a_sound_is_a_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "lyrics.txt").write_text(text)
    assert sniff(tmp_path / "lyrics.txt").media == "file"
    (tmp_path / "sound").write_bytes(text.encode() + b"\0\1\2\xff")
    assert sniff(tmp_path / "sound").media == "audio"
