"""Events are read again as what they were, those of kinds that nobody knows here too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from devserver.model.entity import Entity
from devserver.model.events import KINDS, Event, EventJson, OtherData, RunWarning, read_data
from devserver.model.failure import Failure
from devserver.model.server import RunPlace
from tests.doubles.entities import make_entity

STORED: list[tuple[str, dict[str, Any]]] = [
    ("run.queued", {"title": "x", "schema": "plain", "output_config": "a, b"}),
    ("run.started", {}),
    ("run.ended", {"status": "failed", "error": {"code": "x", "details": {"a": [1]}}, "url": "/api/runs/1"}),
    ("stage.ended", {"status": "skipped", "reason": "safety_level is off"}),
    ("attempt.started", {"backend": "gpu"}),
    ("attempt.ended", {"status": "lost", "error": {"code": "prompt_lost", "message": ""}}),
    ("warning", {"code": "fallback", "message": "y", "asked": "a", "missing": {"gpu": {"nodes": ["N"]}}}),
    ("partial", {"index": 3, "node": "9", "file": "generation_1_1/3.wav"}),
    ("progress", {"fraction": 0.5, "node": None, "class_type": None, "value": 3, "max": 20}),
    ("queue", {"backends": [{"name": "gpu", "held": 1, "waiting": 2}], "paused": [""]}),
    ("backend", {"name": "gpu", "kind": "comfyui", "devices": [{"vram_total": 8}]}),
    ("measurement", {"name": "tempo_bpm", "asked": 90, "heard": 91.5, "of_another_version": True}),
    ("of.another.version", {"kind": "x", "_private": 1, "data": None}),
]


@pytest.mark.parametrize(("kind", "data"), STORED)
def test_an_event_is_read_as_it_was_written(kind: str, data: dict[str, Any]) -> None:
    told = EventJson(seq=7, run_id="r", stage="s", take=1, attempt=2, at="2024-01-31", kind=kind, data=data)
    event = Event.from_json(told)
    assert json.loads(json.dumps(event.as_json())) == told
    assert isinstance(event.data, KINDS.get(kind, OtherData))


def test_an_entity_in_an_event_is_the_entity_of_the_run() -> None:
    entity = make_entity()
    event = Event(1, "r", "generation", 1, 1, "", entity)
    assert (event.kind, Event.from_json(event.as_json()).data) == ("entity", entity)
    assert isinstance(event.data, Entity)


def test_data_of_a_known_kind_in_another_shape_is_refused() -> None:
    with pytest.raises(ValidationError, match="index"):
        read_data("partial", {"index": "first", "file": "x"})


def test_each_kind_has_one_class_and_a_run_hears_of_its_place_as_a_queue() -> None:
    assert len(set(KINDS.values())) == len(KINDS)
    assert RunPlace(queue=None, eta=None).event_kind == "queue"
    assert Event(None, "r", "", 0, 0, "", RunWarning(code="x")).kind == "warning"


def test_the_error_of_an_ended_run_is_the_failure_of_its_row() -> None:
    ended = read_data("run.ended", {"status": "failed", "error": {"code": "x", "status": 502}})
    assert ended.as_json()["error"] == Failure(code="x", status=502).as_json()
