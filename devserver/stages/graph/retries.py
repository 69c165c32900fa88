"""The number of attempts of a take and the pauses between them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Retries:
    """The limits on attempts; `devserver/stages/graph/again.py` decides on another one.

    Attributes:
        attempts: how many a take has in all, where backends lose them.
        first_pause_s: before the second attempt; doubled before each further one.
        longest_pause_s: no pause is longer.
        elsewhere_after_s: how long a backend may be down before what it was given is tried at another one.
    """

    attempts: int = 5
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    elsewhere_after_s: float = 15.0

    def pause_s(self, tries: int, prompt_id: str | None) -> float:
        """Return how long to wait after so many tries (from 1): between half and all of what doubling gives.

        Where in between, the prompt's id says: prompts that were lost together do not come back together.
        """
        whole_s: float = min(self.longest_pause_s, self.first_pause_s * 2 ** min(tries - 1, 30))
        share = uuid.UUID(prompt_id).int % 1000 / 1000 if prompt_id else 0.0
        return whole_s * (0.5 + share / 2)
