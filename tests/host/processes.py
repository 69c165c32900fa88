"""A host of probe nodes as a process, and what is seen of it from outside."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from tests.contract.live import Live
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]


PROBES = "tests.doubles.probe_nodes:table"


def probe(kind: str, seed: int = 0) -> dict[str, Any]:
    return {"1": {"class_type": kind, "inputs": {"seed": seed}}}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def gone(pid: int) -> None:
    """Wait until the process has ended; its file descriptor becomes readable then."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(handle, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def end_of(live: Live, graph: dict[str, Any], *, interrupt_at: str = "") -> tuple[str, dict[str, Any]]:
    """The last message of a run, which is interrupted at the first event of that type."""
    async with live.ear() as ear:
        prompt_id = (await live.submit(graph, ear.client_id))["body"]["prompt_id"]
        if interrupt_at:
            await ear.until(lambda event: event["type"] == interrupt_at, interrupt_at)
            await live.ask("POST", "/interrupt", json={"prompt_id": prompt_id})
        await ear.end_of(prompt_id)
    (entry,) = (await live.history(prompt_id))["body"].values()
    event, data = entry["status"]["messages"][-1]
    return event, data
