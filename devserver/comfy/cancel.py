"""Stop one prompt, and make sure that it has stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from devserver.comfy.client import Client
from devserver.comfy.errors import StillRunning, Unreachable
from devserver.errors.sentences import say

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Cancelled:
    """The actions, in order, until the backend no longer listed the prompt; empty if it had ended already."""

    did: tuple[Literal["deleted", "interrupted"], ...]


async def cancel(client: Client, prompt_id: str, limit_seconds: float = 60.0) -> Cancelled:
    """Delete a waiting prompt or interrupt a running one, and read back that it is gone.

    A prompt that begins to run while it is being deleted is interrupted instead. A node only stops when it next
    checks for an interruption, which may take seconds, so the queue is read until then.

    Raises:
        StillRunning: it is still listed after `limit_seconds`.
        Unreachable: the backend did not answer in that time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_seconds
    did: list[Literal["deleted", "interrupted"]] = []
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            queue = await client.queue()
            if prompt_id not in queue:
                return Cancelled(tuple(did))
            if prompt_id in queue.pending:
                await client.delete(prompt_id)
                did.append("deleted")
            else:
                await client.interrupt(prompt_id)
                if "interrupted" not in did:
                    did.append("interrupted")
        except Unreachable:
            if loop.time() >= deadline:
                raise
        if loop.time() >= deadline:
            place = {"address": client.base_url, "prompt_id": prompt_id}
            raise StillRunning(say("backend_still_runs", limit_s=limit_seconds, **place))
        # No event reports that a waiting prompt was deleted; only the queue shows it.
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
