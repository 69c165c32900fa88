"""MP4's boxes: tags are put in and taken out, and nothing else moves."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from devserver.media.boxes import BoxError, append_keys, blank_user_data, read_keys
from tests.devserver.media_files import write_audio, write_video

TEXTS = {"prompt": '{"1": "größer 🎵"}', "Workflow": "x" * 70_000, "empty": ""}


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_texts_are_read_as_they_were_added_by_names_in_lower_case(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", metadata=False)
    before = path.read_bytes()
    append_keys(path, TEXTS)
    assert read_keys(path) == {name.lower(): text for name, text in TEXTS.items()}
    assert path.read_bytes().startswith(before)


def test_no_text_adds_no_box(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", metadata=False)
    before = path.read_bytes()
    append_keys(path, {})
    assert path.read_bytes() == before


def test_what_a_backend_wrote_is_blanked_in_its_place_and_ours_cut_off(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    before = path.read_bytes()
    assert "prompt" in read_keys(path)
    append_keys(path, TEXTS)
    blank_user_data(path)
    after = path.read_bytes()
    assert read_keys(path) == {}
    assert b"Backend" not in after
    assert len(after) == len(before)
    assert after[: before.index(b"moov")] == before[: before.index(b"moov")]


def test_a_text_of_another_program_in_another_code_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    item = box(struct.pack(">I", 1), box(b"data", bytes(8) + b"gr\xfcn"))
    beyond = box(struct.pack(">I", 9), box(b"data", bytes(8) + b"of no name"))
    keys = box(b"keys", bytes(8) + box(b"mdta", b"Title"))
    path.write_bytes(box(b"udta", box(b"meta", bytes(4) + keys + box(b"ilst", item + beyond))))
    assert read_keys(path) == {"title": "gr\ufffdn"}


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">I4s", 100, b"moov"),
        struct.pack(">I4s", 7, b"free") + bytes(8),
        struct.pack(">I4sQ", 1, b"free", 8),
        box(b"moov", struct.pack(">I4s", 50, b"udta")),
    ],
    ids=["cut off", "shorter than its head", "a long length without room", "an inner one beyond the outer"],
)
def test_boxes_that_do_not_nest_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for act in (read_keys, blank_user_data):
        with pytest.raises(BoxError, match=r"the box b'....' at byte \d+ claims \d+ bytes, of \d+ that are there"):
            act(path)
    assert path.read_bytes() == content
