"""Nothing that is kept is left out."""

from __future__ import annotations

from pathlib import Path

from tests.kept.checks import CHANGES
from tests.kept.scenario import RECORDED
from tests.kept.scenarios import PARTS


def test_every_part_has_its_tests() -> None:
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert tested >= PARTS


def test_every_folder_that_is_recorded_and_every_line_is_of_a_part() -> None:
    named = {path.name for path in RECORDED.iterdir()} | {change.part for change in CHANGES}
    assert named <= PARTS
