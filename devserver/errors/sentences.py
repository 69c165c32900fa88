"""Every sentence that the server says to users: each has a code, by which a page says it in another language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Final

import yaml

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every process reads them at its start
# The sentence and the hint of each code.
MESSAGES: Final[Mapping[str, Mapping[str, str]]] = {
    code: said
    for name in ("errors.yaml", "runs.yaml")
    for code, said in yaml.load(Path(__file__).with_name(name).read_bytes(), LOADER).items()  # noqa: S506 - a safe one
}


@dataclass(frozen=True)
class Said:
    """A sentence with its code and the values that stand in it. One of an installed package may have no code."""

    message: str
    hint: str = ""
    message_code: str = ""
    allowed: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)


def say(message_code: str, hint: str = "", **values: object) -> Said:
    """Return the sentence of a code; a `hint` takes the place of the table's."""
    said = MESSAGES[message_code]
    hint = hint or said.get("hint", "").format_map(values)
    allowed = said["allowed"].format_map(values) if "allowed" in said else None
    return Said(said["message"].format_map(values), hint, message_code, allowed, values)


def placeholders(message_code: str) -> set[str]:
    """Return the names of the values in a sentence, its hint, and what it says is allowed."""
    return {name for text in MESSAGES[message_code].values() for _, name, _, _ in Formatter().parse(text) if name}
