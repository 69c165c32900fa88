"""Parameter values: which are allowed for a type and a range, and the placeholders that stand for a run's texts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import TypedDict

from schemas.errors import nearest

ParameterType = Literal["string", "text", "int", "float", "bool", "choice", "seed", "file"]
PlaceholderName = Literal["text", "input_text"]
SEED_MAX = 2**32 - 1
PLACEHOLDERS: Mapping[str, PlaceholderName] = {"${text}": "text", "${input_text}": "input_text"}
PLACEHOLDER_KEY = "$placeholder"


@dataclass(frozen=True)
class Placeholder:
    """Stands for a text of the run: `text` is what the text stages made, `input_text` what the user wrote."""

    name: PlaceholderName


class StoredFile(TypedDict):
    """A file that was sent here, by its content."""

    sha256: str
    ext: str


ParameterValue = str | int | float | bool | StoredFile
Value = ParameterValue | Placeholder


class ValueProblem(ValueError):
    """A value outside what its parameter allows; `allowed` says what is, as JSON."""

    def __init__(self, allowed: Any, message: str) -> None:
        self.allowed = allowed
        super().__init__(message)


@dataclass(frozen=True)
class ValueRule:
    """Which values a parameter takes."""

    type: ParameterType
    min: float | None = None
    max: float | None = None
    choices: tuple[str | float, ...] = ()
    unit: str = ""

    @property
    def seed_range(self) -> tuple[int, int]:
        return (
            int(self.min) if self.min is not None else 0,
            int(self.max) if self.max is not None else SEED_MAX,
        )

    def read(self, value: Any) -> Value:
        """The value in its stored form (a float parameter given as 30 becomes 30.0); ValueProblem if not allowed."""
        return READERS[self.type](self, value)


def is_random(value: Any) -> bool:
    """Whether a seed asks for a number to be drawn: absent (None), -1 or "random"."""
    return value is None or value == "random" or (type(value) is int and value == -1)


def draw_seed(rule: ValueRule, draw: Callable[[], int]) -> int:
    """A seed within the rule's range; `draw` gives 0 to 2**32-1."""
    low, high = rule.seed_range
    return low + draw() % (high - low + 1)


def _words(rule: ValueRule) -> str:
    low, high = rule.seed_range if rule.type == "seed" else (rule.min, rule.max)
    noun = "a number" if rule.type == "float" else "a whole number"
    span = f" from {low:.15g} to {high:.15g}" if low is not None and high is not None else ""
    rest = ', or -1, null or "random" for a drawn one' if rule.type == "seed" else ""
    return f"{noun}{span}{f' {rule.unit}' if rule.unit else ''}{rest}"


def _refuse(allowed: Any, value: Any) -> ValueProblem:
    shown = repr(value)
    words = allowed if isinstance(allowed, str) else f"one of {', '.join(map(str, allowed))}"
    return ValueProblem(allowed, f"must be {words}; not {shown if len(shown) <= 80 else shown[:77] + '...'}")


def _in_range(rule: ValueRule, value: float) -> bool:
    return (rule.min is None or value >= rule.min) and (rule.max is None or value <= rule.max)


def _read_text(rule: ValueRule, value: Any) -> str:
    allowed = "one line of text" if rule.type == "string" else "text"
    if not isinstance(value, str) or (rule.type == "string" and len(value.splitlines()) > 1):
        raise _refuse(allowed, value)
    try:
        value.encode()
    except UnicodeEncodeError as e:  # half of a surrogate pair cannot be stored or sent
        raise _refuse(f"{allowed} in valid Unicode", value) from e
    return value


def _read_int(rule: ValueRule, value: Any) -> int:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    low, high = rule.seed_range if rule.type == "seed" else (rule.min, rule.max)
    if type(whole) is not int or not _in_range(ValueRule("int", low, high), whole):
        raise _refuse(_words(rule), value)
    return whole


def _read_float(rule: ValueRule, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _in_range(rule, value):
        raise _refuse(_words(rule), value)
    if not math.isfinite(value):
        raise _refuse("a finite number", value)
    return float(value)


def _read_bool(_rule: ValueRule, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


def _read_choice(rule: ValueRule, value: Any) -> str | float:
    for choice in rule.choices:
        if choice == value and isinstance(choice, str) == isinstance(value, str) and not isinstance(value, bool):
            return choice
    raise _refuse(nearest(value, rule.choices, limit=len(rule.choices)), value)


def _read_file(_rule: ValueRule, value: Any) -> StoredFile:
    patterns = {"sha256": r"[0-9a-f]{64}", "ext": r"[a-z0-9]{1,8}"}
    if isinstance(value, Mapping) and value.keys() == patterns.keys():
        found = {key: value[key] for key in patterns}
        if all(isinstance(found[key], str) and re.fullmatch(patterns[key], found[key]) for key in patterns):
            return StoredFile(sha256=found["sha256"], ext=found["ext"])
    raise _refuse("a stored file: its sha256 (64 hex digits) and its ext", value)


READERS: Mapping[ParameterType, Callable[[ValueRule, Any], Value]] = {
    "string": _read_text,
    "text": _read_text,
    "int": _read_int,
    "seed": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "choice": _read_choice,
    "file": _read_file,
}


def to_json(values: Mapping[str, Value]) -> dict[str, Any]:
    """Resolved values as JSON; a placeholder becomes {"$placeholder": "text"}."""
    return {
        name: {PLACEHOLDER_KEY: value.name} if isinstance(value, Placeholder) else value
        for name, value in values.items()
    }


def from_json(values: Mapping[str, Any]) -> dict[str, Value]:
    """The inverse of to_json; only for records that the server wrote itself."""
    names: Mapping[str, PlaceholderName] = {name: name for name in PLACEHOLDERS.values()}
    return {
        name: Placeholder(names[value[PLACEHOLDER_KEY]])
        if isinstance(value, dict) and PLACEHOLDER_KEY in value
        else value
        for name, value in values.items()
    }
