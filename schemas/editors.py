"""JSON Schemas of the definition files, for editors that complete and check YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from schemas.json_values import Json, JsonObject, read_list, read_object
from schemas.model import GraphChunk, InterceptionConfig, OutputConfig, TextChunk
from schemas.pipeline import Pipeline

# Kinds of definitions, and the folder of each.
SCHEMA_FILES: Final[Mapping[str, str]] = {
    "chunk": "chunks",
    "pipeline": "pipelines",
    "interception": "configs/interception",
    "output": "configs/output",
}
DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # what YAML editors read


def editor_schemas() -> dict[str, JsonObject]:
    """Return a JSON Schema for each kind of file. The name is not written in a file, so it is in none of them."""
    return {
        "chunk": _either(GraphChunk, TextChunk),
        "pipeline": _schema_of(Pipeline),
        "interception": _schema_of(InterceptionConfig),
        "output": _schema_of(OutputConfig),
    }


def _schema_of(model: type[BaseModel]) -> JsonObject:
    schema: JsonObject = model.model_json_schema(by_alias=True, mode="validation")
    definitions = read_object(schema.pop("$defs", {}))
    for entry in [schema, *(read_object(definitions[name]) for name in ("Parameter",) if name in definitions)]:
        read_object(entry.get("properties")).pop("name", None)
        if "name" in read_list(entry.get("required")):
            entry["required"] = [key for key in read_list(entry["required"]) if key != "name"]
    for entry in map(read_object, definitions.values()):
        properties = read_object(entry.get("properties"))
        if "node" in properties:
            properties["node"] = {"type": ["string", "integer"]}  # an id in figures needs no quotes
    if "Target" in definitions:
        short: JsonObject = {"type": "string", "pattern": r"^[^.]+\..+$", "description": "node.input, as 17.seconds"}
        definitions["Target"] = {"anyOf": [definitions["Target"], short]}
    return {"$schema": DRAFT, **schema, "$defs": definitions}


def _either(*models: type[BaseModel]) -> JsonObject:
    parts = [_schema_of(model) for model in models]
    definitions = {name: entry for part in parts for name, entry in read_object(part.pop("$defs")).items()}
    bodies: list[Json] = [{key: value for key, value in part.items() if key != "$schema"} for part in parts]
    return {"$schema": DRAFT, "oneOf": bodies, "$defs": definitions}
