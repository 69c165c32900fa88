"""Backends in a pool that nobody has asked yet, in whatever state a test says that they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from devserver.backends.pool import Pool
from devserver.backends.sources import Address, Backend, Source
from schemas.node_table import NodeTable

NOBODY: str = "http://127.0.0.1:9"  # where no program listens


def add_backend(
    pool: Pool,
    name: str = "gpu",
    *,
    classes: Mapping[str, Any] | None = None,
    state: Literal["unknown", "up", "down"] = "up",
    url: str = NOBODY,
) -> Backend:
    """Let a pool have one more backend, which has these node classes as `/object_info` lists them."""
    source = Source(Address(name, "comfyui", url))
    pool._sources.append(source)
    source.head.state = state
    source.head.table = NodeTable.from_object_info(dict(classes or {}))
    return source.head
