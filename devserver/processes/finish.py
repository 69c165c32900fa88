"""Finishing work although its caller is cancelled."""

from __future__ import annotations

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


async def finish(work: asyncio.Future[Result]) -> Result:
    """Wait for work to end also where the caller is cancelled, who is cancelled after it."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as e:
            cancelled = e
        except Exception:  # noqa: BLE001 - whatever it is, it is raised below, unless the caller is cancelled
            break
    if cancelled is not None:
        if not work.cancelled():
            work.exception()
        raise cancelled
    return work.result()
