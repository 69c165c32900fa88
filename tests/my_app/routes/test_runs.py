"""The page of one run: /openapi.json declares every field of it, and every field that is declared is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.my_app.api import Api

EXECUTE = "/api/schema/pipeline/execute"
SHOW = "/api/runs/{run_id}"
# Objects that may have more fields than are declared: each kind of stage gives its result fields of its own, and so may
# one of an installed package; beside a warning stand its values.
OPEN = {"StageResult", "RunWarning"}
BUILT = {"RunDetail", "Resolved", "ResolvedOutput", "StageRecord", "TakeRecord", "AttemptRecord", "RunMedia", "Links"}


class Shape:
    """Compares answers with a schema, both ways."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]
        self.seen: dict[str, set[str]] = {}

    def undeclared(self, answer: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
        """Yield the fields of an answer that its schema does not have."""
        if isinstance(answer, list):
            for each in answer:
                yield from self.undeclared(each, schema.get("items", {}), f"{path}[]")
        elif isinstance(answer, dict):
            name = self._name_of(schema)
            fields = self._schemas.get(name, {}).get("properties", {})
            self.seen.setdefault(name, set()).update(answer)
            for key, value in answer.items() if fields else ():
                if key in fields:
                    yield from self.undeclared(value, fields[key], f"{path}/{key}")
                elif name not in OPEN:
                    yield f"{path}/{key}"

    def _name_of(self, schema: dict[str, Any]) -> str:
        ways = [schema, *schema.get("anyOf", [])]
        return next((way["$ref"].rpartition("/")[2] for way in ways if "$ref" in way), "")

    def unshown(self, model: str) -> set[str]:
        """Return the fields of a model that no answer had."""
        return {*self._schemas[model]["properties"]} - self.seen.get(model, set())


async def test_what_a_run_shows_is_what_the_description_declares(api: Api) -> None:
    shape, schema = Shape(api.document), {"$ref": "#/components/schemas/RunDetail"}
    body = {"schema": "dada", "input_text": "hush", "output_config": "silence_mp3"}
    _, made = await api.ask("POST", EXECUTE, body)
    _, failed = await api.ask("POST", EXECUTE, {**body, "input_text": "a murder", "safety_level": "kids"})
    await api.ask("POST", "/api/queue/pause", {})
    try:
        _, waiting = await api.ask("POST", EXECUTE, {**body, "wait": False})
        for run_id in (made["run_id"], failed["run_id"], waiting["run_id"]):
            _, shown = await api.ask("GET", SHOW, run_id=run_id)
            assert [*shape.undeclared(shown, schema)] == []
    finally:
        await api.ask("POST", "/api/queue/resume", {})
    assert {model: missing for model in sorted(BUILT) if (missing := shape.unshown(model))} == {}
