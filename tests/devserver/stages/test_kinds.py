"""Kinds of stages of installed packages beside our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from devserver.stages.kinds import KINDS, all_kinds
from tests.doubles.packages import install, kind_module

KIND = "tonewright.stage_kinds"


def test_what_cannot_be_loaded_is_one_line_and_all_else_is_in_force(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(site, "broken", {"broken.py": "raise OSError('no\\nway')"}, {KIND: {"broken": "broken:Signature"}})
    install(site, "odd", {"odd.py": "Signature = 3"}, {KIND: {"odd": "odd:Signature"}})
    install(site, "good", {"good.py": kind_module("good")}, {KIND: {"good": "good:Signature"}})
    assert list(all_kinds()) == [*KINDS, "good"]
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "The package broken: broken cannot be loaded: OSError: no way",
        "The package odd: odd is no kind of stage: it must be a StageKind",
    ]


def test_names_that_clash_are_refused_with_both_packages(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one", "two"):
        install(site, name, {f"{name}.py": kind_module("same")}, {KIND: {name: f"{name}:Signature"}})
    install(site, "ours", {"ours.py": kind_module("graph")}, {KIND: {"ours": "ours:Signature"}})
    assert all_kinds() == KINDS
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "The package one and two: the kind of stage same is brought more than once and not used",
        "The package tonewright and ours: the kind of stage graph is brought more than once and not used",
    ]
