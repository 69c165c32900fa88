"""All that is kept."""

from __future__ import annotations

from typing import Final

from tests.kept.names import words
from tests.kept.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (*words.SCENARIOS,)
