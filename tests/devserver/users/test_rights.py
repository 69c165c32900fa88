"""The limits of a user: which plans are admitted, and how limits are read and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.model.plan import Plan
from devserver.users.keys import Keys, KeysUnreadable
from devserver.users.rights import Rights, checks_all
from schemas.model import LEVELS
from tests.devserver import plans

Planned = Callable[..., Plan]


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Planned:
    return lambda **body: plans.plan(definitions, exports, database, **body)


@pytest.mark.parametrize("floor", LEVELS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_below_the_floor_is_refused_by_its_name(planned: Planned, floor: Any, level: Any) -> None:
    plan, rights = planned(safety_level=level), Rights(safety_floor=floor)
    if LEVELS.index(level) >= LEVELS.index(floor):
        assert rights.admit(plan) is plan
        return
    with pytest.raises(InputError) as refused:
        rights.admit(plan)
    error = refused.value
    assert (error.status, error.code, error.field, error.value) == (403, "below_safety_floor", "safety_level", level)
    assert error.allowed == list(LEVELS[LEVELS.index(floor) :])


@pytest.mark.parametrize("pipeline", ["text_to_audio", "text_only", "text_to_image", "text_to_video"])
def test_the_shipped_pipelines_check_every_text(planned: Planned, pipeline: str) -> None:
    assert checks_all(planned(pipeline=pipeline, safety_level="kids"))
    assert not checks_all(planned(pipeline=pipeline, safety_level="off"))


def without(plan: Plan, *names: str) -> Plan:
    steps = tuple(step for step in plan.steps if step[0].name not in names)
    found: Plan = plan.model_copy(update={"steps": steps})
    return found


@pytest.mark.parametrize("left_out", [("safety_output",), ("safety_input", "safety_output")])
@pytest.mark.parametrize("pipeline", ["text_to_audio", "text_only"])
def test_a_pipeline_that_leaves_a_text_unchecked_counts_as_off(
    planned: Planned, pipeline: str, left_out: tuple[str, ...]
) -> None:
    plan = without(planned(pipeline=pipeline, safety_level="kids"), *left_out)
    assert Rights().admit(plan) is plan
    with pytest.raises(InputError) as refused:
        Rights(safety_floor="adult").admit(plan)
    error = refused.value
    assert (error.status, error.code, error.field, error.value) == (403, "below_safety_floor", "pipeline", pipeline)


def test_a_text_that_is_checked_once_and_not_changed_is_checked(planned: Planned) -> None:
    plan = planned(safety_level="kids")
    assert checks_all(without(plan, "interception", "translation", "safety_output"))
    assert checks_all(without(plan, "safety_input"))


def test_only_the_listed_outputs_are_made_and_fallen_back_to(planned: Planned) -> None:
    rights = Rights(outputs=("acestep_instrumental",))
    admitted = rights.admit(planned(output_config="acestep_instrumental", formats=["mp3"]))
    assert {option.config for option in admitted.outputs[0].options} == {"acestep_instrumental"}
    for asked in ({"output_config": ["acestep_instrumental", "silence_mp3"]}, {"output_config": "silence_mp3"}):
        with pytest.raises(InputError) as refused:
            rights.admit(planned(**asked))
        error = refused.value
        assert (error.status, error.code, error.field) == (403, "output_not_allowed", "output_config")
        assert (error.value, error.allowed) == ("silence_mp3", ["acestep_instrumental"])
    assert rights.admit(planned(pipeline="text_only"))


def test_the_stricter_of_two_floors_holds_and_is_the_usual_level_where_it_is_stricter() -> None:
    rights = Rights(safety_floor="youth")
    assert [rights.with_floor(floor).safety_floor for floor in LEVELS] == ["youth", "youth", "youth", "kids"]
    assert [Rights(safety_floor=floor).usual_level for floor in LEVELS] == ["adult", "adult", "youth", "kids"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("safety_floor", "none"),
        ("safety_floor", 1),
        ("safety_floor", []),
        ("queue_limit", -1),
        ("queue_limit", True),
        ("queue_limit", 1.5),
        ("outputs", "silence_mp3"),
        ("outputs", [1]),
    ],
)
def test_wrong_limits_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InputError) as refused:
        Rights.parse(**{field: value})
    assert (refused.value.field, refused.value.value) == (field, value)
    assert refused.value.allowed


def test_limits_are_kept_with_the_key_and_a_damaged_one_lets_nobody_in(tmp_path: Path) -> None:
    rights = Rights("kids", 3, ("silence_mp3",))
    Keys(tmp_path).add("bob", rights=rights)
    Keys(tmp_path).add("anna", admin=True)
    assert [Keys(tmp_path).rights(name) for name in ("bob", "anna", "local")] == [rights, Rights(), Rights()]
    path = tmp_path / "keys.json"
    kept = json.loads(path.read_text())
    for key in kept["keys"]:
        key.pop("rights") if key["name"] == "anna" else None
    path.write_text(json.dumps(kept))
    assert Keys(tmp_path).rights("anna") == Rights(), "a key from before there were limits has none"
    for damaged in ({"safety_floor": "nobody"}, {"floor": "kids"}, ["kids"], "kids"):
        kept["keys"][0]["rights"] = damaged
        path.write_text(json.dumps(kept))
        with pytest.raises(KeysUnreadable):
            _ = Keys(tmp_path).all
