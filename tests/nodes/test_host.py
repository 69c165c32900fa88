"""What a node may ask of its host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.nodes.host import Host, check_output


class Node:
    RETURN_TYPES = ("STRING", "AUDIO")


def test_files_are_numbered_as_comfyui_numbers_them(tmp_path: Path) -> None:
    host = Host(tmp_path)
    path, entry = host.save_path("runs/take", "mid")
    path.touch()
    again, _ = host.save_path("runs/take", "json")
    assert entry == {"filename": "take_00001_.mid", "subfolder": "runs", "type": "output"}
    assert path == tmp_path / "runs" / "take_00001_.mid"
    assert again.name == "take_00002_.json"


def test_what_need_not_last_lies_in_the_temp_folder(tmp_path: Path) -> None:
    host = Host(tmp_path / "output")
    path, entry = host.temp_path("pieces/a", "wav")
    assert entry == {"filename": "a_00001_.wav", "subfolder": "pieces", "type": "temp"}
    assert path == tmp_path / "temp" / "pieces" / "a_00001_.wav"
    assert Host(tmp_path, tmp_path / "elsewhere").temp_path("a", "wav")[0].parent == tmp_path / "elsewhere"
    with pytest.raises(ValueError, match="inside the temp folder"):
        host.temp_path("../output/a", "wav")


@pytest.mark.parametrize("prefix", ["../out", "/etc/out", "a/../../out", "..\\out", "a/", "..", ""])
def test_a_prefix_cannot_leave_the_output_folder(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ValueError, match="filename_prefix is"):
        Host(tmp_path / "output").save_path(prefix, "mid")


def test_every_progress_checks_but_few_are_reported() -> None:
    class Counting(Host):
        checks = reports = 0

        def check(self) -> None:
            self.checks += 1

        def report(self, done: int, total: int) -> None:
            self.reports += done <= total

    host = Counting()
    for done in range(1, 1001):
        host.progress(done, 1000)
    assert host.checks == 1000
    assert host.reports < 500


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("text", "must return a tuple of 2"),
        (("only one",), "must return a tuple of 2"),
        (None, "must return a tuple of 2"),
        ({"ui": {"text": "letters"}, "result": ("", {})}, "every value of ui must be a list"),
        ({"ui": {"peak": [np.float32(1)]}, "result": ("", {})}, "plain JSON"),
        ({"ui": {"peak": [float("nan")]}, "result": ("", {})}, "plain JSON"),
    ],
)
def test_an_output_that_a_host_cannot_pass_on_is_refused(output: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        check_output(Node, output)


def test_a_good_output_is_passed_on_unchanged() -> None:
    output: dict[str, Any] = {"ui": {"text": ["words"]}, "result": ("", {})}
    assert check_output(Node, output) is output
