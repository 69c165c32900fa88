"""What a level lets pass: by the lists of terms, and by a model where the settings ask for one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import Blocked
from devserver.files.exports import Exports
from devserver.model.results import SafetyResult
from devserver.stages.text.safety import check_lists, run_safety, texts_of
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID, plan
from tests.devserver.stages.text.models import files, warnings, with_models

PASSES = {"allowed": True, "category": "", "reason": ""}
REFUSES = {"allowed": False, "category": "gore", "reason": "It bleeds."}


async def check(walk: Walk, text: str = "a quiet song", level: str = "kids") -> SafetyResult:
    walk.plan, walk.text = walk.plan.model_copy(update={"safety_level": level}), text
    chunk = walk.tools.definitions.catalog.text_chunk("safety_input")
    return await run_safety(walk, "safety_input", chunk)


def kept(walk: Walk) -> dict[str, Any]:
    path = walk.tools.exports.folder(RUN_ID) / "03_safety_input.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


async def test_a_text_without_a_term_passes_and_the_lists_that_were_used_are_kept(walk: Walk) -> None:
    result = await check(walk)
    assert (result.allowed, result.level, result.found, result.check) == (True, "kids", [], None)
    assert result.lists.keys() == walk.tools.definitions.catalog.terms.keys()
    assert await files(walk) == ["03_safety_input.json"]


async def test_a_term_blocks_at_its_level_and_above_and_what_was_found_is_kept(walk: Walk) -> None:
    with pytest.raises(Blocked, match="contains heroin") as caught:
        await check(walk, "heroin and vodka")
    assert caught.value.details["terms"] == [one["term"] for one in kept(walk)["found"]]
    assert kept(walk)["allowed"] is False
    assert (await check(walk, "heroin and vodka", "adult")).allowed


async def test_a_parameter_in_words_is_checked_like_the_text_and_named(
    walk: Walk, definitions: Definitions, exports: Exports, database: Database
) -> None:
    words: dict[str, Any] = {"output_config": "acestep_song", "params": {"lyrics": "la la heroin"}}
    walk.plan = plan(definitions, exports, database, **words)
    assert ("lyrics", "la la heroin") in texts_of(walk)
    with pytest.raises(Blocked, match="The parameter lyrics contains heroin"):
        await check(walk)


async def test_a_broken_list_blocks_at_every_level_since_nobody_knows_what_it_would_find(
    definitions: Definitions,
) -> None:
    broken = replace(definitions.catalog, broken={("terms", "drugs"): "line 3: not YAML"})
    with pytest.raises(Blocked, match="the term list drugs is broken") as caught:
        check_lists(broken, "adult")
    assert (caught.value.code, caught.value.details["level"]) == ("check_failed", "adult")
    check_lists(replace(definitions.catalog, broken={("chunk", "x"): "no"}), "kids")


async def test_a_model_is_asked_only_where_the_settings_say_so_and_the_lists_found_nothing(walk: Walk) -> None:
    models = with_models(walk, first=REFUSES)
    assert (await check(walk)).check is None
    models = with_models(walk, llm_check=True, first=PASSES)
    with pytest.raises(Blocked, match="heroin"):
        await check(walk, "heroin")
    assert models.asked == []
    result = await check(walk)
    assert result.check is not None
    assert (result.allowed, result.check.made, len(models.asked)) == (True, True, 1)


async def test_a_model_that_refuses_blocks_with_its_reason(walk: Walk) -> None:
    with_models(walk, llm_check=True, first=REFUSES)
    with pytest.raises(Blocked, match=r"\(gore\): It bleeds") as caught:
        await check(walk)
    assert (caught.value.details["rule"], kept(walk)["allowed"]) == ("llm_check", False)
    with_models(walk, llm_check=True, first={**REFUSES, "category": " "})
    with pytest.raises(Blocked, match=r"\(unnamed\)"):
        await check(walk)


async def test_a_check_that_could_not_be_made_blocks_where_the_chunk_demands_it_and_else_is_told(walk: Walk) -> None:
    with_models(walk, llm_check=True, first="silent")
    with pytest.raises(Blocked, match="could not check") as caught:
        await check(walk, level="kids")
    assert caught.value.code == "check_failed"
    result = await check(walk, level="adult")
    assert result.check is not None
    assert (result.allowed, result.check.made, await warnings(walk)) == (True, False, ["llm_failed"])
