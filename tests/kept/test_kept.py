"""Recorded behaviour is today's behaviour, except where changed.yaml says why not."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.kept.comparing import GONE, Difference, differences, read_changes
from tests.kept.scenario import Scenario, read
from tests.kept.scenarios import SCENARIOS

CHANGES = read_changes()
CASES = [pytest.param(scenario, case, id=case) for scenario in SCENARIOS for case in scenario.recorded()]


def found(scenario: Scenario, case: str) -> list[Difference]:
    return list(differences(case, read(case), scenario.seen().get(case, GONE)))


@pytest.mark.parametrize(("scenario", "case"), CASES)
def test_kept(scenario: Scenario, case: str) -> None:
    unwanted = [one for one in found(scenario, case) if not any(change.wants(one) for change in CHANGES)]
    told = "\n".join(map(str, unwanted))
    assert not unwanted, f"{case} is not as it was recorded. A line in tests/kept/changed.yaml may say why:\n{told}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_case_is_recorded(scenario: Scenario) -> None:
    new = sorted(set(scenario.seen()) - set(scenario.recorded()))
    assert not new, f"not recorded yet; `python -m tests.kept.record '{scenario.name}'` does it"


def test_every_change_is_there() -> None:
    left = set(CHANGES)
    for scenario in SCENARIOS:
        for case in scenario.recorded():
            if any(fnmatchcase(case, change.case) for change in left):
                left -= {change for change in left for one in found(scenario, case) if change.wants(one)}
    assert not left, "no difference needs these lines of changed.yaml:\n" + "\n".join(map(str, left))
