from __future__ import annotations

from pathlib import Path

import pytest

from devserver.installed.points import load_entry_points, refuse, without_clashes
from tests.doubles.packages import install

GROUP = "tonewright.of_a_test"


def test_what_packages_bring_comes_in_the_order_of_their_names(site: Path) -> None:
    for name in ("zither", "alphorn"):
        install(site, name, {f"{name}.py": "one, two = 1, 2"}, {GROUP: {"b": f"{name}:two", "a": f"{name}:one"}})
    found = [(one.package, one.name, one.value) for one in load_entry_points(GROUP)]
    assert found == [("alphorn", "a", 1), ("alphorn", "b", 2), ("zither", "a", 1), ("zither", "b", 2)]
    assert load_entry_points("tonewright.of_nobody") == []


@pytest.mark.parametrize("module", ["raise OSError('no\\nway')", "import not_installed_anywhere", "x = 1"])
def test_what_cannot_be_loaded_is_one_line_and_keeps_nothing_from_the_others(
    site: Path, caplog: pytest.LogCaptureFixture, module: str
) -> None:
    install(site, "broken", {"broken_of_a_test.py": module}, {GROUP: {"b": "broken_of_a_test:thing"}})
    install(site, "good", {"good_of_a_test.py": "thing = 3"}, {GROUP: {"g": "good_of_a_test:thing"}})
    assert [one.value for one in load_entry_points(GROUP)] == [3]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("The package broken: b cannot be loaded: ")
    assert "\n" not in line


def test_a_name_that_two_bring_or_that_is_ours_is_used_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    named = [("a", "same", 1), ("b", "same", 2), ("a", "ours", 3), ("b", "own", 4)]
    assert without_clashes(named, {"ours"}, "node class") == {"own": 4}
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "The package a and b: the node class same is brought more than once and not used",
        "The package tonewright and a: the node class ours is brought more than once and not used",
    ]


def test_why_something_is_not_used_is_said_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    refuse("odd", "it is\n   no  kind")
    assert caplog.records[0].getMessage() == "The package odd: it is no kind"
