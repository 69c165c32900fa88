"""Errors of values in plain words: the one place that translates pydantic's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from pydantic import BaseModel

from schemas.json_values import JsonObject

Fault = Mapping[str, object]  # one of `ValidationError.errors()`

PLAIN: Final = {
    "missing": "is required",
    "string_type": "must be text",
    "string_sub_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "none_required": "must be left out",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dataclass_type": "must be a mapping",
    "path_type": "must be a path",
    "invalid_key": "must be text",
    "recursion_loop": "must not hold itself",
}
BOUNDS: Final = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
LENGTHS: Final = {
    "string_too_short": ("at least", "min_length", "character"),
    "string_too_long": ("at most", "max_length", "character"),
    "too_short": ("at least", "min_length", "entry"),
    "too_long": ("at most", "max_length", "entry"),
}
MARK: Final = "'"  # around each choice that the library lists
# Refusals of our own validators.
OWN: Final = ("blank", "seed_range", "most_outputs", "outputs_once", "one_place")
KINDS: Final = frozenset({*PLAIN, *BOUNDS, *LENGTHS, *OWN, "literal_error", "string_pattern_mismatch"})
PATTERNS: Final = {
    "^([0-9]{8}-[0-9]{6}-[0-9a-f]{8})?$": "must be the id of a run",
    "^https?://": "must begin with http:// or https://",
    "^(front|back)$": "must be front or back",
    "^[a-z0-9][a-z0-9_-]*$": "must be of small letters, digits, _ and -, a letter or digit first",
    "^[a-z0-9][a-z0-9_@-]*$": "must be of small letters, digits, _, @ and -, a letter or digit first",
    "^[a-z0-9][a-z0-9_-]{0,62}$": "must be of at most 63 small letters, digits, _ and -, a letter or digit first",
}


def requirement(fault: Fault) -> str:
    """Return the requirement for a value, as words after the field's name: "must be at least 1"."""
    kind, own = str(fault["type"]), fault.get("ctx")
    about: Mapping[str, object] = own if isinstance(own, dict) else {}
    if kind in BOUNDS:
        words, limit = BOUNDS[kind]
        bound = about[limit]
        return f"must be {words} {bound if isinstance(bound, int) else format(bound, 'g')}"
    if kind in LENGTHS:
        return _length(kind, about)
    if kind in ("value_error", "assertion_error"):
        return str(about["error"]) if "error" in about else str(fault["msg"]).partition(", ")[2]
    words = str(fault["msg"]).replace("Input should", "must")
    if kind in ("literal_error", "enum"):
        words = f"must be {str(about['expected']).replace(MARK, '')}"
    elif kind == "string_pattern_mismatch":
        words = PATTERNS.get(str(about["pattern"]), f"must fit the pattern {about['pattern']}")
    return PLAIN.get(kind, words)


def keys_at(annotation: object, path: Sequence[str | int]) -> list[str]:
    """Return the keys that the models allow at a path; parts of it that only choose between models are passed over."""
    models = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    if not models:
        return [key for part in get_args(annotation) for key in keys_at(part, path)]
    fields = models[0].model_fields
    if not path:
        return [field.alias or name for name, field in fields.items()]
    for name, field in fields.items():
        if path[0] in (name, field.alias):
            rest = path[1:]
            inner = get_args(field.annotation)
            holds_entries = bool(inner) and not isinstance(field.annotation, type)
            return keys_at(field.annotation, rest[1:] if holds_entries and rest else rest)
    return []


def _length(kind: str, about: Mapping[str, object]) -> str:
    words, limit, unit = LENGTHS[kind]
    count = about[limit]
    if kind.endswith("short") and count == 1:
        return "must not be empty"
    units = unit if count == 1 else "entries" if unit == "entry" else f"{unit}s"
    return f"must have {words} {count} {units}"


def one_of(*names: str) -> JsonObject:
    """Return a JSON Schema that requires exactly one of the fields; null counts as absent."""
    return {"oneOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]}
