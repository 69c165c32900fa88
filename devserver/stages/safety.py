"""The safety stages: what a level blocks, found by the term lists."""

from __future__ import annotations

import asyncio
from typing import Any

from devserver.errors import Blocked
from devserver.plan import StagePlan
from devserver.walk import Walk
from schemas.catalog import Catalog
from schemas.lexicon import Found


async def run_safety(walk: Walk, stage: StagePlan) -> dict[str, Any]:
    """Check the text for the run's level; the result says what was found and by which lists.

    Raises:
        Blocked: with stage, rule and category.
    """
    level, catalog = walk.plan.safety_level, walk.tools.definitions.catalog
    found = await asyncio.to_thread(catalog.lexicon.find, walk.text, level)
    result = {"allowed": not found, "level": level, "found": [_told(each) for each in found], "lists": _lists(catalog)}
    await walk.keep_text(stage, "json", result)
    if found:
        raise _by_terms(found, level, catalog)
    return result


def _by_terms(found: list[Found], level: str, catalog: Catalog) -> Blocked:
    first = found[0]
    terms = ", ".join(dict.fromkeys(each.text for each in found))
    label = catalog.terms[first.list].label.en
    return Blocked(
        f"The text contains {terms} ({label}), which safety_level {level} does not allow.",
        rule=first.term,
        category=first.category,
        hint="Change the text, or choose another safety_level.",
        details={"level": level, "terms": [each.term for each in found], "found": [_told(each) for each in found]},
    )


def _told(found: Found) -> dict[str, str]:
    keys = ("term", "text", "category", "language", "level", "list")
    return {key: getattr(found, key) for key in keys}


def _lists(catalog: Catalog) -> dict[str, str]:
    """The lists that were looked up, by the SHA-256 of their files."""
    return {name: catalog.sources["terms", name].sha256 for name in sorted(catalog.terms)}
