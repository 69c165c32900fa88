"""The exports folder: who may read it, what a kill left in it, and what is said when it is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.doubles.programs import Server

SILENCE = {"input_text": "x", "output_config": "silence_mp3", "params": {"seconds": 0.2}}


def open_to_others(folder: Path, bits: int) -> list[str]:
    """The files and folders of ours whose mode has one of these bits."""
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & bits and not path.is_symlink()]


@pytest.mark.parametrize(("mode", "bits"), [("private", 0o077), ("group", 0o027)])
def test_nobody_else_reads_what_is_in_exports(tmp_path: Path, mode: str, bits: int) -> None:
    exports = tmp_path / "exports"
    (exports / ".state").mkdir(parents=True, mode=0o755)  # from a time when everybody could
    with Server(exports, exports_mode=mode) as server:
        assert server.execute(**SILENCE)[0] == 200
        assert not open_to_others(exports, bits)
        assert exports.stat().st_mode & 0o700 == 0o700


def test_what_a_kill_left_is_tidied_at_the_start_and_nothing_else(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        kept = server.execute(**SILENCE)[1]["run_id"]
    never = tmp_path / "20260101-000000-0a0a0a0a"
    never.mkdir()
    (never / "02_input.txt").write_text("x")
    (never / "01_config.json.0a0a0a0a.part").write_text("{")
    lost = tmp_path / "20260101-000000-0b0b0b0b"  # of a lost journal: it has a record
    lost.mkdir()
    (lost / "metadata.json").write_text("{}")
    (tmp_path / kept / "metadata.json.0c0c0c0c.part").write_text("{")
    refused = tmp_path / kept / "08_output_audio.mp3.part"  # a file that was refused stays to be looked at
    refused.write_text("x")
    own = tmp_path / "my notes"
    own.mkdir()
    for path in (never, lost, *never.iterdir(), *(tmp_path / kept).iterdir()):
        os.utime(path, (1, 1))
    with Server(tmp_path):
        assert not never.exists()
        assert not list(tmp_path.glob("*/metadata.json.*.part"))
        assert [path.exists() for path in (lost, refused, own, tmp_path / kept / "metadata.json")] == [True] * 4


def test_a_run_is_refused_in_words_when_the_exports_are_gone(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    with Server(exports) as server:
        shutil.rmtree(exports)
        status, told = server.execute(**SILENCE, wait=False)
        assert (status, told["error"]["code"]) == (507, "exports_unwritable"), told
        assert told["error"]["hint"]
        status, told = server.call("GET", "/ready")
        assert status == 503
        assert str(exports) in str(told["problems"])
