"""Faults that need real minutes; `make soak` runs each once, beside the kills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from devserver.media.intake import IntakePool
from tests.faults.silence import SILENCE_S, run_in_silence


def six_silent_minutes(folder: Path) -> list[str]:
    """A node says nothing, by the real clock."""
    return asyncio.run(_silence(folder, deaf=False))


def six_silent_minutes_without_a_pong(folder: Path) -> list[str]:
    """Nor is any ping answered, as by a backend that loads a model."""
    return asyncio.run(_silence(folder, deaf=True))


async def _silence(folder: Path, *, deaf: bool) -> list[str]:
    intake = IntakePool(1)
    try:
        took_s = await run_in_silence(folder, intake, deaf=deaf)
    finally:
        await intake.close()
    return [] if took_s >= SILENCE_S else [f"the run took {took_s:.0f} s"]


# A name, and what injects the fault: it gets an empty folder and answers with what was lost, nothing where all is well.
# What it raises counts as lost too.
MINUTES: dict[str, Callable[[Path], list[str]]] = {
    "six silent minutes": six_silent_minutes,
    "six silent minutes without a pong": six_silent_minutes_without_a_pong,
}
