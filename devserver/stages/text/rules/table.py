"""The table of rules: what a `kind` does to a text."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from devserver.stages.text.rules.haiku import haiku
from devserver.stages.text.rules.letters import exchange, lipogram, shift, spoonerism
from devserver.stages.text.rules.order import alphabetical, cut_up, echo, erasure, mirror, telegram
from devserver.stages.text.rules.sounds import sounds
from schemas.text_rules import Rule

RULES: Final[Mapping[str, Callable[[str, Any, random.Random], str]]] = {
    "plain": lambda text, _rule, _draw: text,
    "alphabetical": alphabetical,
    "cut_up": cut_up,
    "echo": echo,
    "erasure": erasure,
    "exchange": exchange,
    "haiku": haiku,
    "lipogram": lipogram,
    "mirror": mirror,
    "shift": shift,
    "sounds": sounds,
    "spoonerism": spoonerism,
    "telegram": telegram,
}


def rewrite(text: str, rule: Rule, seed: int) -> str:
    """Rewrite the text by a rule; the same seed gives the same text.

    A rule that leaves nothing of a text (no word that it could use) leaves the text as it was.
    """
    made = RULES[rule.kind](text, rule, random.Random(seed))  # noqa: S311 - art, not secrets
    return made if made.strip() else text
