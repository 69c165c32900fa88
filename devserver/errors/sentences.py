"""Every sentence that the server says to users: each has a code, by which a page says it in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any, Final

import yaml

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every process reads them at its start
# By code: the sentence, its hint, what is allowed in words (`allowed`) and for programs (`limits`).
MESSAGES: Final[Mapping[str, Mapping[str, Any]]] = {
    code: said
    for name in ("errors.yaml", "runs.yaml", "problems.yaml")
    for code, said in yaml.load(Path(__file__).with_name(name).read_bytes(), LOADER).items()  # noqa: S506 - a safe one
}
TEXTS: Final = ("message", "hint", "allowed")


@dataclass(frozen=True)
class Said:
    """A sentence with its code and the values that stand in it. One of an installed package may have no code."""

    message: str
    hint: str = ""
    message_code: str = ""
    allowed: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Several:
    """Several sentences in the place of one."""

    sentences: Sequence[Said]
    between: str = " "

    def __str__(self) -> str:
        return self.between.join(map(str, self.sentences))


class Quoted(str):
    """A text of another program, in its own words."""

    __slots__ = ()


def say(message_code: str, hint: str = "", /, **values: object) -> Said:
    """Return the sentence of a code; `hint` stands where the table has none. A value may be a sentence itself."""
    said = MESSAGES[message_code]
    hint = hint or said.get("hint", "").format_map(values)
    allowed = said["allowed"].format_map(values) if "allowed" in said else None
    told = describe(values)
    if "limits" in said:
        told["allowed"] = _limits(said["limits"], values)
    return Said(said["message"].format_map(values), hint, message_code, allowed, told)


def describe(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a sentence as JSON, each as the English sentence has it.

    Beside a value `problem` that is a sentence stand `problem_code` and `problem_values`, or `problem_parts` where it
    is several; `problem_quoted` stands beside one that another program said.
    """
    told: dict[str, object] = {}
    for name, value in values.items():
        match value:
            case Said():
                told[name] = value.message
                if value.message_code:
                    told |= {f"{name}_code": value.message_code, f"{name}_values": dict(value.values)}
            case Several():
                told |= {name: str(value), f"{name}_parts": [_part(one) for one in value.sentences]}
            case Quoted():
                told |= {name: str(value), f"{name}_quoted": True}
            case _:
                told[name] = value
    return told


def _part(said: Said) -> dict[str, object]:
    return {"message": said.message, "code": said.message_code, "values": dict(said.values)}


def _limits(limits: Any, values: Mapping[str, object]) -> Any:
    """Return what is allowed, for programs: a list, or a range whose `{names}` are values of the sentence."""
    if not isinstance(limits, dict):
        return limits
    return {key: values[limit[1:-1]] if _is_name(limit) else limit for key, limit in limits.items()}


def _is_name(limit: object) -> bool:
    return isinstance(limit, str) and limit.startswith("{")


def placeholders(message_code: str) -> set[str]:
    """Return the names of the values in a sentence, its hint, and what it says is allowed."""
    said = MESSAGES[message_code]
    limits = said.get("limits", {})
    named: Iterable[Any] = limits.values() if isinstance(limits, dict) else ()
    texts = [*(said[name] for name in TEXTS if name in said), *(limit for limit in named if _is_name(limit))]
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
