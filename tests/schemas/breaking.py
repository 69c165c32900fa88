"""Definitions that are wrong in one place: the small valid ones of conftest.py with one text replaced.

Each case of `broken/<module>.yaml` says what must be said about it, by the beginning of each message after the folder's
name. `old: null` stands for the whole file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.loader import read_definitions
from schemas.nodes import NodeTable
from tests.schemas.conftest import FILES, Write

Case = dict[str, Any]


def cases(module: str) -> pytest.MarkDecorator:
    """Run a test with each case of a module's file."""
    read = yaml.safe_load((Path(__file__).parent / "broken" / f"{module}.yaml").read_text())
    return pytest.mark.parametrize("case", read.values(), ids=read)


def messages(write: Write, tables: dict[str, NodeTable], files: dict[str, str]) -> list[str]:
    """Return every problem of the files, in order."""
    _, problems = read_definitions([write(**files)], tables)
    return [str(problem) for problem in sorted(problems)]


def check(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    """Break the definitions as a case says, and compare the problems with those that it expects."""
    file, expected = case["file"], case["told"]
    old = FILES[file] if case["old"] is None else case["old"]
    assert old in FILES[file]
    told = messages(write, tables, {**FILES, file: FILES[file].replace(old, case["new"], 1)})
    assert len(told) == len(expected), told
    for message, start in zip(told, expected, strict=True):
        assert message.startswith(f"defs/{start}")
