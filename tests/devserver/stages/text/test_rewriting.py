from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from devserver.definitions.current import Definitions
from devserver.errors import StageError
from devserver.stages.text.rewriting import LONGEST_TEXT, Rewritten, run_interception, run_translation
from devserver.stages.walk import Walk
from schemas.model import TextChunk
from tests.devserver.stages.text.models import files, warnings, with_models


def intercepted(walk: Walk, definitions: Definitions, config: str, *, fallback: bool = True) -> TextChunk:
    """Let a walk have another interception; the chunk of its stage."""
    change = {"interception": definitions.catalog.interception(config), "request": {"fallback": fallback}}
    walk.plan, walk.text = walk.plan.model_copy(update=change), "one two"
    return definitions.catalog.text_chunk("interception")


@pytest.fixture
def translation(walk: Walk, definitions: Definitions) -> TextChunk:
    walk.text = "langsam"
    number = {**walk.plan.numbers, "translation/text": 90}
    walk.plan = walk.plan.model_copy(update={"numbers": number})
    return definitions.catalog.text_chunk("translation")


async def test_a_model_rewrites_the_text_and_the_result_says_which(walk: Walk, definitions: Definitions) -> None:
    chunk = intercepted(walk, definitions, "mirror")
    with_models(walk, first={"text": " three "})
    result = await run_interception(walk, "interception", chunk)
    assert (result.text, result.rule, result.llm and result.llm.endpoint) == ("three", "", "first")
    assert await files(walk) == ["04_interception.txt"]
    assert (walk.tools.exports.folder(walk.run.run_id) / "04_interception.txt").read_text() == "three"


async def test_without_a_model_the_configs_own_rule_rewrites_it_and_says_so(
    walk: Walk, definitions: Definitions
) -> None:
    chunk = intercepted(walk, definitions, "mirror")
    with_models(walk)
    result = await run_interception(walk, "interception", chunk)
    assert (result.text, result.rule, result.llm) == ("two one", "mirror", None)
    assert await warnings(walk) == ["llm_missing"]


async def test_a_config_that_asks_for_no_model_asks_none(walk: Walk, definitions: Definitions) -> None:
    models = with_models(walk, first={"text": "x"})
    result = await run_interception(walk, "interception", intercepted(walk, definitions, "plain"))
    assert (result.text, models.asked, await warnings(walk)) == ("one two", [], [])


@pytest.mark.parametrize(
    ("config", "says", "ends_with"),
    [
        ("mirror", {}, None),  # its rule changes the text: that is the config's own second way
        ("mirror", {"first": "silent"}, "llm_failed"),
        ("machine_dream", {}, "llm_missing"),
        ("machine_dream", {"first": "silent"}, "llm_failed"),
    ],
)
async def test_where_no_fallback_is_allowed_a_missing_model_ends_what_only_it_can_do(
    walk: Walk, definitions: Definitions, config: str, says: dict[str, Any], ends_with: str | None
) -> None:
    chunk, ended = intercepted(walk, definitions, config, fallback=False), None
    with_models(walk, **says)
    try:
        await run_interception(walk, "interception", chunk)
    except StageError as e:
        ended = e.code
    assert ended == ends_with


async def test_a_translation_keeps_the_original(walk: Walk, translation: TextChunk) -> None:
    with_models(walk, first={"text": "slow", "language": "de"})
    result = await run_translation(walk, "translation", translation)
    assert (result.text, result.original, result.translated, result.language) == ("slow", "langsam", True, "de")
    with_models(walk, first={"text": "langsam", "language": "en"})
    assert not (await run_translation(walk, "translation", translation)).translated


async def test_an_untranslated_text_goes_on_with_a_warning_unless_no_fallback_is_allowed(
    walk: Walk, translation: TextChunk
) -> None:
    with_models(walk, first="silent")
    result = await run_translation(walk, "translation", translation)
    assert (result.text, result.translated, await warnings(walk)) == ("langsam", False, ["llm_failed"])
    walk.plan = walk.plan.model_copy(update={"request": {"fallback": False}})
    with pytest.raises(StageError):
        await run_translation(walk, "translation", translation)


@pytest.mark.parametrize("text", ["", "  ", "x" * (LONGEST_TEXT + 1), "\ud83c"])
def test_an_answer_that_cannot_be_a_text_is_none(text: str) -> None:
    with pytest.raises((ValidationError, UnicodeEncodeError)):
        Rewritten.model_validate({"text": text})
