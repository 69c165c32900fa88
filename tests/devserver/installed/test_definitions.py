from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devserver.installed.definitions import installed_folders
from tests.doubles.packages import install
from tests.doubles.programs import ROOT, Server

WORDS = {"en": "x", "de": "x"}


def test_definitions_are_a_folder_unless_they_stand_in_each_others_place(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain: dict[str, Any] = {"label": WORDS, "description": WORDS, "rule": {"kind": "plain"}}
    for name, config in (("alone", "soft"), ("first", "loud"), ("second", "loud"), ("over", "plain")):
        files = {f"{name}/__init__.py": "", f"{name}/configs/interception/{config}.yaml": json.dumps(plain)}
        install(site, name, files, {"tonewright.definitions": {name: name}})
    assert installed_folders([ROOT / "schemas"]) == [site / "alone"]
    assert "first and second: the interception loud" in caplog.text
    assert "tonewright and over: the interception plain" in caplog.text
    with Server(tmp_path / "exports", embedded=False) as server:
        assert server.execute(input_text="One", schema="soft", pipeline="text_only")[1]["final_output"] == "One"
