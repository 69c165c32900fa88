"""Which backend makes an output, and by which option: the asked config, or one of its declared fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devserver.errors import StageError
from devserver.journal import Place
from devserver.plan import Option, OutputPlan
from devserver.pool import Backend
from devserver.walk import Walk
from schemas.nodes import GraphProblem, fit


@dataclass(frozen=True)
class Choice:
    """A backend that has all that an option needs, and its own names for the option's models."""

    option: Option
    backend: Backend
    models: dict[tuple[str, str], str]


async def choose(walk: Walk, take: Place, output: OutputPlan, decided: str | None) -> Choice:
    """Find a backend for a take, and tell the user where it falls on a fallback.

    `decided` is the config that an earlier attempt of this take was made with; it is not decided again.

    Raises:
        StageError: `nodes_missing` (409), or `backend_unreachable` (502) where a configured backend stays silent.
    """
    options = [option for option in output.options if decided in (None, option.config)] or list(output.options)
    for option, following in zip(options, [*options[1:], None], strict=True):
        choice = await _wait_for(walk, take, option)
        if choice is not None:
            return choice
        lacks, silent = _lacks(walk, option), _silent(walk)
        if following is None or not output.fallback:
            raise _nothing_fits(option, lacks, silent)
        reason = _reason(lacks, silent)
        walk.warn(
            take,
            "fallback",
            f"{option.config} was asked for, {following.config} is used instead: {reason}",
            asked=option.config,
            used=following.config,
            reason=reason,
            missing=lacks,
        )
        for name in following.left_out:
            message = f"{following.config} does not take this value of {name}; it was left out."
            walk.warn(take, f"left_out_{name}", message, parameter=name)
    raise AssertionError("an output has at least one option")


async def _wait_for(walk: Walk, take: Place, option: Option) -> Choice | None:
    """A fitting backend: at once where one fits or all answer, else as long as a silent one is waited for."""
    pool, clock = walk.tools.pool, walk.tools.clock
    choice = _fitting(walk, option)
    if choice is not None:
        return choice
    await pool.refresh()
    deadline = clock.monotonic() + walk.tools.backend_wait_s
    told = False
    while (choice := _fitting(walk, option)) is None and (silent := _silent(walk)):
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            return None
        if not told:
            message = f"Waiting up to {walk.tools.backend_wait_s:g} s for {', '.join(silent)}, which does not answer."
            walk.warn(take, "backend_silent", message, backends=silent)
            told = True
        try:
            async with asyncio.timeout(left_s):
                await pool.changed()
        except TimeoutError:
            continue
    return choice


def _fitting(walk: Walk, option: Option) -> Choice | None:
    for backend in walk.tools.pool.allowed(walk.plan.execution_mode):
        if backend.up and backend.table is not None:
            found = fit(option.chunk.models, option.graph, backend.table)
            if not found.problems:
                return Choice(option, backend, dict(found.bindings))
    return None


def _silent(walk: Walk) -> list[str]:
    """Backends that this run may use and that somebody expects to answer, but that do not."""
    allowed = walk.tools.pool.allowed(walk.plan.execution_mode)
    return [backend.name for backend in allowed if not backend.up and not backend.address.discovered]


def _lacks(walk: Walk, option: Option) -> dict[str, dict[str, Any]]:
    """What each answering backend lacks for an option."""
    lacks = {}
    for backend in walk.tools.pool.allowed(walk.plan.execution_mode):
        if backend.up and backend.table is not None:
            lacks[backend.name] = _sorted(fit(option.chunk.models, option.graph, backend.table).problems)
    return lacks


def _sorted(problems: Sequence[GraphProblem]) -> dict[str, Any]:
    nodes = sorted({p.class_type for p in problems if p.kind == "missing_node"})
    models = sorted({str(p.value) for p in problems if p.kind == "missing_model"})
    others = [p.message for p in problems if p.kind not in ("missing_node", "missing_model")]
    return {"nodes": nodes, "models": models, "other": others}


def _reason(lacks: dict[str, dict[str, Any]], silent: list[str]) -> str:
    parts = [f"{name} did not answer" for name in silent]
    for name, lack in lacks.items():
        missing = [f"the nodes {', '.join(lack['nodes'])}"] if lack["nodes"] else []
        missing += [f"the models {', '.join(lack['models'])}"] if lack["models"] else []
        missing += lack["other"][:2]
        parts.append(f"{name} lacks {' and '.join(missing)}")
    return "; ".join(parts) or "no backend may be used under this execution_mode"


def _nothing_fits(option: Option, lacks: dict[str, dict[str, Any]], silent: list[str]) -> StageError:
    message = f"No backend can make {option.config}: {_reason(lacks, silent)}."
    details = {"missing": lacks, "silent": silent}
    if silent:
        hint = "Start the backend, or take it out of the configuration."
        return StageError(message, code="backend_unreachable", status=502, hint=hint, details=details)
    folders = [f"{model.file} into models/{model.folder}" for model in option.chunk.models]
    hint = f"Put {', '.join(folders)} of a ComfyUI and name it with --backend URL, or allow the fallback."
    return StageError(message, code="nodes_missing", status=409, hint=hint if folders else "", details=details)
