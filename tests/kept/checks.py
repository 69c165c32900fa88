"""Recorded behaviour is today's behaviour, except where changed.yaml says why not.

Each part has a test module of its own, so that the parts run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest

from tests.kept.comparing import GONE, Change, Difference, counted_together, differences, read_changes
from tests.kept.scenario import Scenario, read
from tests.kept.scenarios import part

CHANGES = read_changes()


def found(scenario: Scenario, case: str) -> list[Difference]:
    was, now = read(case), scenario.seen().get(case, GONE)
    return list(differences(case, counted_together(was), counted_together(now)))


def checks_of(name: str) -> tuple[Callable[..., None], Callable[..., None], Callable[[], None]]:
    """Return the tests of a part: cases are as recorded, all are recorded, and every line of changed.yaml is needed."""
    scenarios = part(name)
    changes = [change for change in CHANGES if change.part == name]
    cases = [pytest.param(scenario, case, id=case) for scenario in scenarios for case in scenario.recorded()]

    @pytest.mark.parametrize(("scenario", "case"), cases)
    def test_kept(scenario: Scenario, case: str) -> None:
        unwanted = [one for one in found(scenario, case) if not any(change.wants(one) for change in changes)]
        told = "\n".join(map(str, unwanted))
        assert not unwanted, f"{case} is not as it was recorded. A line in tests/kept/changed.yaml may say why:\n{told}"

    @pytest.mark.parametrize("scenario", scenarios, ids=lambda scenario: scenario.name)
    def test_every_case_is_recorded(scenario: Scenario) -> None:
        new = sorted(set(scenario.seen()) - set(scenario.recorded()))
        assert not new, f"not recorded yet; `python -m tests.kept.record '{scenario.name}'` does it"

    def test_every_change_is_there() -> None:
        left = unneeded(scenarios, changes)
        assert not left, "no difference needs these lines of changed.yaml:\n" + "\n".join(map(str, left))

    return test_kept, test_every_case_is_recorded, test_every_change_is_there


def unneeded(scenarios: tuple[Scenario, ...], changes: list[Change]) -> set[Change]:
    left = set(changes)
    for scenario in scenarios:
        for case in scenario.recorded():
            if any(fnmatchcase(case, change.case) for change in left):
                left -= {change for change in left for one in found(scenario, case) if change.wants(one)}
    return left
