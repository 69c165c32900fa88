"""Parsed JSON: its type, and readers that accept any value without an error."""

from __future__ import annotations

from typing_extensions import TypeAliasType

# Recursive, so that a type checker asks about the kind of each value before it is used.
Json = TypeAliasType("Json", "str | int | float | bool | list[Json] | dict[str, Json] | None")
JsonObject = dict[str, Json]


def read_object(value: object) -> JsonObject:
    """Return the value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def read_list(value: object) -> list[Json]:
    """Return the value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def read_text(value: object) -> str:
    """Return the value as text; '' where it is null, false, 0 or empty."""
    return str(value or "")


def is_deeper(value: object, levels: int) -> bool:
    """Return whether lists and objects lie in each other over more than so many levels."""
    level = [value]
    for _ in range(levels):
        inside = [each for each in level if isinstance(each, dict | list)]
        if not inside:
            return False
        level = [inner for each in inside for inner in (each.values() if isinstance(each, dict) else each)]
    return any(isinstance(each, dict | list) for each in level)
