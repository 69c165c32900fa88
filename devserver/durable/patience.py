"""The patience of callers with the database: a request gives up soon, a walk survives a freeze of some seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

USUAL_S: Final = 60.0

_seconds: ContextVar[float] = ContextVar("patience", default=USUAL_S)


def patience_s() -> float:
    """Return how long this caller waits for each answer of the database."""
    return _seconds.get()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait no longer than this for each answer of the database within the block, and in tasks that begin there."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)
