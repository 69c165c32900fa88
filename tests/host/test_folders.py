from __future__ import annotations

import time
from pathlib import Path

import pytest

from devserver.host.folders import Folders, OutsideFolder


def test_tokens_are_filled_in(folders: Folders) -> None:
    target = folders.save_target("%year%/%width%x%height%_a", width=3, height=4)
    assert (target.subfolder, target.name) == (str(time.localtime().tm_year), "3x4_a")


def test_unknown_tokens_stay(folders: Folders) -> None:
    assert folders.save_target("%date:yyyy%_x").name == "%date:yyyy%_x"


def test_counter_is_per_prefix_over_extensions(folders: Folders) -> None:
    for name in ("a_00003_.mp3", "a_00007_.flac", "ab_00050_.mp3", "A_x_.mp3"):
        (folders.output / name).touch()
    path, entry = folders.save_target("a").file("wav")
    assert path == folders.output / "a_00008_.wav"
    assert entry == {"filename": "a_00008_.wav", "subfolder": "", "type": "output"}


@pytest.mark.parametrize("prefix", ["../x", "a/../../x", "/etc/x"])
def test_a_prefix_stays_in_its_folder(folders: Folders, prefix: str) -> None:
    with pytest.raises(OutsideFolder, match="leads out of the folder output"):
        folders.save_target(prefix)


def test_an_annotated_name_chooses_the_folder(folders: Folders) -> None:
    assert folders.input_file("a/b.wav") == folders.input / "a" / "b.wav"
    assert folders.input_file("b.wav [output]") == folders.output / "b.wav"
    with pytest.raises(OutsideFolder):
        folders.input_file("../b.wav [temp]")


def test_temp_is_empty_after_a_start(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.create()
    (folders.temp / "old").touch()
    (folders.output / "kept").touch()
    folders.create()
    assert not list(folders.temp.iterdir())
    assert (folders.output / "kept").exists()
