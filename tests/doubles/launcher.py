"""`python -m tests.doubles.launcher FOLDER`: the real server, which can be stopped at every kill point."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cli.serve import serve
from config import Settings
from tests.doubles import kill_points

if __name__ == "__main__":
    kill_points.install(Path(sys.argv[1]))
    asyncio.run(serve(Settings()))
