"""The table of rules: what a `kind` does to a text."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from devserver.stages.rules.order import cut_up
from schemas.text_rules import Rule

RULES: Final[Mapping[str, Callable[[str, Any, random.Random], str]]] = {
    "plain": lambda text, _rule, _draw: text,
    "cut_up": cut_up,
}


def rewrite(text: str, rule: Rule, seed: int) -> str:
    """The text as a rule rewrites it; the same seed gives the same text.

    A rule that leaves nothing of a text (no word that it could use) leaves the text as it was.
    """
    made = RULES[rule.kind](text, rule, random.Random(seed))  # noqa: S311 - art, not secrets
    return made if made.strip() else text
