"""Limits that the system keeps for a process: open files, processor time, memory. Windows has none of them."""

from __future__ import annotations

import contextlib
from typing import Final

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MOST_FILES: Final = 65_536  # beyond that a table of descriptors costs memory and nobody needs it


def raise_open_files() -> int:
    """Raise this process's limit of open files as far as the system allows; returns the limit.

    Shells and service managers set 1024, which a thousand listeners use up.
    """
    if resource is None:
        return MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return open_files_limit()


def open_files_limit() -> int:
    """Return how many files this process may have open."""
    if resource is None:
        return MOST_FILES
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def limit_process(processor_s: int, memory_bytes: int) -> None:
    """Let the system end this process where it takes more; where the system cannot, nothing is limited."""
    if resource is None:
        return
    for kind, most in ((resource.RLIMIT_CPU, processor_s), (resource.RLIMIT_AS, memory_bytes)):
        with contextlib.suppress(ValueError, OSError):  # a stricter limit holds already
            resource.setrlimit(kind, (most, most))
