"""Plans as earlier versions wrote them, in queued runs and in the records of old exports, in the form of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OLD_KEYS: Final = ("text", "output", "source")  # of a stage: what it was followed from which of them was set


def modern(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan with its stages in the form of today; one that has it already is returned as it is."""
    steps = plan.get("steps")
    if not isinstance(steps, list) or all("work" in stage for step in steps for stage in step):
        return {**plan}
    stages = [stage for step in steps for stage in step]
    asked = [stage["name"] for stage in stages if stage.get("output") and not stage.get("source")]
    return {**plan, "steps": [[_stage(stage, asked) for stage in step] for step in steps]}


def _stage(stage: Mapping[str, Any], asked: list[str]) -> dict[str, Any]:
    kept = {key: value for key, value in stage.items() if key not in OLD_KEYS}
    text, output, source = (stage.get(key) for key in OLD_KEYS)
    if text:
        return {**kept, "on_text": "checks" if text["step"] == "safety" else "changes", "work": {"chunk": text}}
    if not output:
        return kept
    own = {**output, "number": asked.index(source or stage["name"]) + 1, "asked": not source}
    return {**kept, "output": own, "inputs": {"audio": f"{source}.main"} if source else {}}
