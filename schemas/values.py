"""Parameter values: the rules for a type and a range, and the placeholders for a run's texts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from typing_extensions import TypedDict

from schemas.errors import Allowed, nearest

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
# The same as plans and records have it: a file is {sha256, ext}, a placeholder {"$placeholder": name}.
RecordedValue = str | int | float | bool | dict[str, str]


class ValueProblem(ValueError):
    """A value outside what its parameter allows; `allowed` says what is, as JSON."""

    def __init__(self, allowed: Allowed, message: str) -> None:
        self.allowed = allowed
        super().__init__(message)


@dataclass(frozen=True)
class ValueRule:
    """The values that a parameter accepts."""

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

    @property
    def limits(self) -> list[object] | dict[str, object] | None:
        """Return what is allowed, for programs: a list, or a range; None for texts and files."""
        match self.type:
            case "choice":
                return list(self.choices)
            case "bool":
                return [True, False]
            case "seed":
                low, high = self.seed_range
                return {"at_least": low, "at_most": high, "or": [-1, None, "random"]}
            case "int" | "float":
                unit = {"unit": self.unit} if self.unit else {}
                return {"at_least": self.min, "at_most": self.max, **unit}
            case _:
                return None

    def read(self, value: object) -> ParameterValue:
        """Return the value in its stored form (30 for a float becomes 30.0); ValueProblem if it is not allowed."""
        return READERS[self.type](self, value)


def is_random(value: object) -> bool:
    """Tell whether a seed asks for a number to be drawn: absent (None), -1 or "random"."""
    return value is None or value == "random" or (type(value) is int and value == -1)


def draw_seed(rule: ValueRule, draw: Callable[[], int]) -> int:
    """Return a seed within the rule's range; `draw` gives 0 to 2**32-1."""
    low, high = rule.seed_range
    return low + draw() % (high - low + 1)


def _words(rule: ValueRule) -> str:
    low, high = rule.seed_range if rule.type == "seed" else (rule.min, rule.max)
    noun = "a number" if rule.type == "float" else "a whole number"
    span = f" from {low:.15g} to {high:.15g}" if low is not None and high is not None else ""
    rest = ', or -1, null or "random" for a drawn one' if rule.type == "seed" else ""
    return f"{noun}{span}{f' {rule.unit}' if rule.unit else ''}{rest}"


def _refuse(allowed: Allowed, value: object) -> ValueProblem:
    shown = repr(value)
    words = allowed if isinstance(allowed, str) else f"one of {', '.join(map(str, allowed))}"
    return ValueProblem(allowed, f"must be {words}; not {shown if len(shown) <= 80 else shown[:77] + '...'}")


def _in_range(rule: ValueRule, value: float) -> bool:
    return (rule.min is None or value >= rule.min) and (rule.max is None or value <= rule.max)


def _read_text(rule: ValueRule, value: object) -> str:
    allowed = "one line of text" if rule.type == "string" else "text"
    if not isinstance(value, str) or (rule.type == "string" and len(value.splitlines()) > 1):
        raise _refuse(allowed, value)
    try:
        value.encode()
    except UnicodeEncodeError as e:  # half of a surrogate pair cannot be stored or sent
        raise _refuse(f"{allowed} in valid Unicode", value) from e
    return value


def _read_int(rule: ValueRule, value: object) -> int:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    low, high = rule.seed_range if rule.type == "seed" else (rule.min, rule.max)
    if type(whole) is not int or not _in_range(ValueRule("int", low, high), whole):
        raise _refuse(_words(rule), value)
    return whole


def _read_float(rule: ValueRule, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _in_range(rule, value):
        raise _refuse(_words(rule), value)
    if not math.isfinite(value):
        raise _refuse("a finite number", value)
    return float(value)


def _read_bool(_rule: ValueRule, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


def _read_choice(rule: ValueRule, value: object) -> str | float:
    for choice in rule.choices:
        if choice == value and isinstance(choice, str) == isinstance(value, str) and not isinstance(value, bool):
            return choice
    raise _refuse(nearest(value, rule.choices, limit=len(rule.choices)), value)


def _read_file(_rule: ValueRule, value: object) -> StoredFile:
    patterns = (r"[0-9a-f]{64}", r"[a-z0-9]{1,8}")
    if is_stored_file(value) and all(map(re.fullmatch, patterns, (value["sha256"], value["ext"]))):
        return StoredFile(sha256=value["sha256"], ext=value["ext"])
    raise _refuse("a stored file: its sha256 (64 hex digits) and its ext", value)


READERS: Mapping[ParameterType, Callable[[ValueRule, object], ParameterValue]] = {
    "string": _read_text,
    "text": _read_text,
    "int": _read_int,
    "seed": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "choice": _read_choice,
    "file": _read_file,
}


def is_stored_file(value: object) -> TypeGuard[StoredFile]:
    """Return whether a value has the fields of a stored file and no others."""
    return (
        isinstance(value, Mapping)
        and value.keys() == StoredFile.__annotations__.keys()
        and all(isinstance(part, str) for part in value.values())
    )


def to_json(values: Mapping[str, Value]) -> dict[str, RecordedValue]:
    """Return resolved values as JSON; a placeholder becomes {"$placeholder": "text"}."""
    return {name: _as_json(value) for name, value in values.items()}


def _as_json(value: Value) -> RecordedValue:
    if isinstance(value, Placeholder):
        return {PLACEHOLDER_KEY: value.name}
    return {"sha256": value["sha256"], "ext": value["ext"]} if isinstance(value, dict) else value


def from_json(values: Mapping[str, object]) -> dict[str, Value]:
    """Return the inverse of to_json; only for records that the server wrote itself."""
    return {name: _to_recorded(name, value) for name, value in values.items()}


def _to_recorded(name: str, value: object) -> Value:
    if isinstance(value, str | int | float):
        return value
    if is_stored_file(value):
        return value
    said = value.get(PLACEHOLDER_KEY) if isinstance(value, dict) else None
    for placeholder in PLACEHOLDERS.values():
        if said == placeholder:
            return Placeholder(placeholder)
    raise ValueError(f"{name} is recorded as {value!r}, which is no value of a parameter")
