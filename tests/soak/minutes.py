"""Faults that need real minutes; `make soak` runs each once, beside the kills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

# A name, and what injects the fault: it gets an empty folder and answers with what was lost, nothing where all is well.
# What it raises counts as lost too.
MINUTES: dict[str, Callable[[Path], list[str]]] = {}
