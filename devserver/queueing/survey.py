"""A survey of the backends for people: state, nodes, models, and their queues now."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from devserver.backends.sources import Backend
from devserver.comfy.errors import BackendError
from devserver.queueing.breakers import Breakers
from devserver.queueing.expected import Line
from schemas.node_table import MODEL_INPUTS, MODEL_SUFFIXES, NodeTable

ANSWER_S: Final = 2.0


async def survey(backends: list[Backend], line: Line, breakers: Breakers) -> list[dict[str, Any]]:
    """Every backend with its own queue, as it tells it now, and ours before it."""
    queues = await asyncio.gather(*(own_queue(backend) for backend in backends))
    return [
        _describe(backend, queue, line) | _aside(breakers, backend.name)
        for backend, queue in zip(backends, queues, strict=True)
    ]


async def own_queue(backend: Backend) -> dict[str, int] | None:
    """Return the numbers of running and pending prompts at a backend, whoever sent them; None without an answer."""
    if backend.state != "up" and not backend.stalled:
        return None
    try:
        async with asyncio.timeout(ANSWER_S):
            queue = await backend.client.queue()
    except (BackendError, TimeoutError):
        return None
    return {"running": len(queue.running), "pending": len(queue.pending)}


def _describe(backend: Backend, queue: dict[str, int] | None, line: Line) -> dict[str, Any]:
    last = (line.expected_at(backend.name) or line.held(backend.name))[-1:]
    eta = line.eta(last[0]) if last else None
    ours = {
        "paused": line.is_paused(backend.name),
        "held": len(line.held(backend.name)),
        "waiting": len(line.expected_at(backend.name)),
        "eta": eta.as_time_left().as_json() if eta else None,
    }
    has = {"nodes": len(backend.table.classes), "models": files_of_models(backend.table)} if backend.table else {}
    return {**backend.describe().as_json(), "url": backend.address.base_url, "queue": queue, **ours, **has}


def _aside(breakers: Breakers, backend: str) -> dict[str, Any]:
    """Tell whether a backend is put aside because takes fail there that others make, and with which error."""
    breaker = breakers.of(backend)
    put_aside = not breakers.accepts(backend)
    return {"put_aside": put_aside, "faults": breaker.faults, "last_fault": breaker.problem}


def files_of_models(table: NodeTable) -> dict[str, list[str]]:
    """The model files that a backend lists, by the name of the input that takes them."""
    found: dict[str, set[str]] = {}
    for node in table.classes.values():
        for name, one in node.inputs.items():
            files = {str(value) for value in one.options or () if str(value).endswith(MODEL_SUFFIXES)}
            if files or (name in MODEL_INPUTS and one.options):
                found.setdefault(name, set()).update(files or {str(value) for value in one.options or ()})
    return {name: sorted(files) for name, files in sorted(found.items())}
