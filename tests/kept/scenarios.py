"""All that is kept."""

from __future__ import annotations

from typing import Final

from tests.kept.http import scenario as http
from tests.kept.journals import opened
from tests.kept.names import commands, files, served, words
from tests.kept.runs import ends, losses, outputs, texts, ways
from tests.kept.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *http.SCENARIOS,
    *words.SCENARIOS,
    *commands.SCENARIOS,
    *files.SCENARIOS,
    *served.SCENARIOS,
    *outputs.SCENARIOS,
    *ends.SCENARIOS,
    *ways.SCENARIOS,
    *texts.SCENARIOS,
    *losses.SCENARIOS,
    *opened.SCENARIOS,
)
PARTS: Final = frozenset(scenario.part for scenario in SCENARIOS)


def part(name: str) -> tuple[Scenario, ...]:
    return tuple(scenario for scenario in SCENARIOS if scenario.part == name)
