"""Plans: JSON that says what shall be done, checked as a whole before anything is."""

from __future__ import annotations

import json
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError


class Plan(BaseModel):
    """A part of a plan: no other fields, no numbers as text, nothing infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Plan)


def read_plan(model: type[Model], text: str) -> Model:
    """Return the plan in a text; an empty one is the default plan.

    Raises:
        ValueError: the text is no JSON, or a field is not as it must be; says which, what it is and what is allowed.
    """
    try:
        data = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise ValueError(
            f"plan is no JSON: {error.msg} in line {error.lineno}, column {error.colno}; allowed is a JSON object"
        ) from error
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        faults = [_sentence(model, fault) for fault in error.errors(include_url=False)]
        raise ValueError("; ".join(dict.fromkeys(faults))) from error


def _sentence(model: type[BaseModel], fault: Any) -> str:
    """One fault as field, value and what is allowed."""
    place = [part for part in fault["loc"] if part != "[key]"]
    name = "plan" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    if fault["type"] == "extra_forbidden":
        fields = ", ".join(_fields_at(model, place[:-1]))
        return f"{name} is no field; allowed are {fields}"
    if fault["type"] == "missing":
        return f"{name} is missing"
    if fault["type"] == "value_error":
        return f"{name}: {fault['ctx']['error']}"
    allowed = fault["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"{name} is {fault['input']!r:.80}; allowed is {allowed}"


def _fields_at(model: type[BaseModel], place: list[Any]) -> list[str]:
    """Return the fields of the part of a plan that stands at a place."""
    annotation: Any = model
    for part in place:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            annotation = next((kind for kind in _inside(annotation) if isinstance(kind, type)), None)
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            models = [kind for kind in _inside(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
            annotation = models[0] if models and not _is_container(annotation) else annotation
    return list(annotation.model_fields) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def _is_container(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in {list, dict, tuple}


def _inside(kind: Any) -> list[Any]:
    """Return a type's parts, the last first: of a dict its values."""
    return list(reversed(get_args(kind)))
