"""`python -m tests.doubles.launcher FOLDER [TABLE]`: the real server, which can be stopped at every kill point.

Its embedded backend serves TABLE where one is named.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from cli.serve import serve
from config import Settings
from devserver.backends import pool
from devserver.host.child import Child
from tests.doubles import kill_points


def with_table(table: str) -> None:
    """Let the embedded backend have other nodes."""

    def child(_name: str, base_dir: Path, **options: Any) -> Child:
        return Child(table, base_dir, **options)

    own: Any = pool
    own.Child = child


if __name__ == "__main__":
    kill_points.install(Path(sys.argv[1]))
    if sys.argv[2:]:
        with_table(sys.argv[2])
    asyncio.run(serve(Settings()))
