"""Putting briefs of several origins together, and holding fast what is locked."""

from __future__ import annotations

from .brief import LISTS, BriefValues, Conflict, Origin, Parsed, Reading, Readings

# What the words say comes before what a model makes of them, and that before a mere guess or a genre's habit.
RANK: dict[Origin, int] = {"user": 4, "parsed": 3, "llm": 2, "genre default": 0}
GUESS_RANK = 1


def rank(reading: Reading) -> int:
    return min(RANK[reading.origin], GUESS_RANK) if reading.guessed else RANK[reading.origin]


def merge(readings: Readings, values: BriefValues, origin: Origin, confidence: float) -> Readings:
    """Return the readings with `values` where they say nothing, or less surely than `origin` may."""
    result = dict(readings)
    for name, reading in _readings(values, origin, confidence).items():
        if name not in result or rank(result[name]) < rank(reading):
            result[name] = reading
    return result


def lock_fields(parsed: Parsed, values: BriefValues) -> Parsed:
    """Return the brief with `values` unchanged in it, whatever the text says; where it says otherwise is a conflict."""
    result, conflicts = dict(parsed.readings), list(parsed.conflicts)
    for name, reading in _readings(values, "user", 1.0).items():
        said = parsed.readings.get(name)
        if said is not None and not said.guessed and said.value != reading.value:
            message = (
                f"The text says {describe_value(said.value)}, but {name} is locked to {describe_value(reading.value)}."
            )
            conflicts.append(Conflict((name,), message))
        result[name] = reading
    return Parsed(result, parsed.unmatched, tuple(conflicts), parsed.notes)


def _readings(values: BriefValues, origin: Origin, confidence: float) -> Readings:
    said = {name: getattr(values, name) for name in values.model_fields_set}
    return {
        name: Reading(value, None, confidence, origin, (None,) * len(value) if name in LISTS else None)
        for name, value in said.items()
        if value is not None
    }


def describe_value(value: object) -> str:
    """Return a field's value as people write it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.10g}" if isinstance(value, float) else f"{value}"
