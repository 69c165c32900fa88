"""Files that are sent here: kept once by their content, seen by whoever sent them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from devserver.errors import InputError
from devserver.files.uploads import LONGEST_NAME, Upload, Uploads
from tests.devserver.media_files import write_audio

MIDI = b"MThd\0\0\0\x06\0\0\0\x01\0\x60"
SHA = hashlib.sha256(MIDI).hexdigest()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    (tmp_path / "uploads").mkdir()
    return Uploads(tmp_path / "uploads", limit_bytes=1000)


def send(uploads: Uploads, content: bytes = MIDI, name: str = "tune.mid", viewer: str | None = None) -> Upload:
    with uploads.receive(name, viewer) as incoming:
        for byte in range(0, len(content), 5):
            incoming.write(content[byte : byte + 5])
        return incoming.keep()


def names(uploads: Uploads) -> list[str]:
    return [path.name for path in uploads.folder.iterdir()]


def test_a_file_is_kept_once_under_its_content(uploads: Uploads) -> None:
    first, second = send(uploads), send(uploads, name="the same.mid")
    assert (first.sha256, first.id, first.bytes) == (SHA, f"{SHA}.mid", len(MIDI))
    assert (first.new, second.new) == (True, False)
    assert names(uploads) == [SHA]
    assert (uploads.folder / SHA).read_bytes() == MIDI


def test_an_upload_is_found_by_its_hash_and_with_no_other_ending_than_its_own(uploads: Uploads) -> None:
    found = {"sha256": send(uploads).sha256, "ext": "mid"}
    assert [uploads.find(name) for name in (SHA, f"{SHA}.mid")] == [found, found]
    assert [uploads.find(name) for name in (f"{SHA}.mp3", SHA[:-1], "0" * 64, f"../{SHA}", "")] == [None] * 5


def test_a_user_sees_what_was_sent_in_the_own_name_alone(uploads: Uploads) -> None:
    assert send(uploads, viewer="ada").new
    assert send(uploads, name="mine.mid", viewer="bob").new, "that another has sent the same is nobody's business"
    assert [bool(uploads.find(SHA, viewer)) for viewer in ("ada", "bob", "eve", None)] == [True, True, False, True]
    assert [uploads.name_of(viewer, SHA) for viewer in ("ada", "bob", "eve")] == ["tune.mid", "mine.mid", ""]


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "empty.mid", 422),
        (b"x" * 1001, "long.mid", 413),
        (b"some words", "words.txt", 415),
        (b"\x00\x01\x02", "strange.xyz", 415),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    uploads: Uploads, content: bytes, name: str, status: int
) -> None:
    with pytest.raises(InputError) as refused:
        send(uploads, content, name)
    assert (refused.value.status, refused.value.field) == (status, "file")
    assert names(uploads) == []


def test_what_a_run_has_made_is_kept_whatever_it_is(uploads: Uploads) -> None:
    with uploads.receive("words.txt") as incoming:
        incoming.write(b"some words")
        sha256 = incoming.keep_unchecked()
    assert names(uploads) == [sha256]


def test_who_goes_away_in_the_middle_leaves_nothing(uploads: Uploads) -> None:
    with uploads.receive("tune.mid") as incoming:
        incoming.write(MIDI)
        assert [name.rpartition(".")[2] for name in names(uploads)] == ["part"]
    assert names(uploads) == []


def test_only_half_files_that_are_old_are_cleared_while_others_may_be_on_their_way(uploads: Uploads) -> None:
    for name, age_s in (("old.part", 100), ("young.part", 0)):
        path = uploads.folder / name
        path.touch()
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age_s))
    uploads.clear_parts(older_than_s=50)
    assert names(uploads) == ["young.part"]
    uploads.clear_parts()
    assert names(uploads) == []


def test_a_name_is_kept_as_far_as_anybody_reads_it(uploads: Uploads) -> None:
    send(uploads, name="\udce4" + "x" * 1000 + ".mid")
    assert uploads.name_of(None, SHA) == "?" + "x" * (LONGEST_NAME - 1)


def test_a_sound_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    content = write_audio(tmp_path / "a.flac", 0.2).read_bytes()
    assert send(Uploads(tmp_path / "uploads"), content, "a.mp3").kind.ext == "flac"
