"""Our host, and with ``COMFYUI_URL=http://127.0.0.1:8188`` a real ComfyUI that has our folder in its ``custom_nodes``.

Without the variable what needs the real one is not collected.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.contract.live import Live
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]

collect_ignore = [] if os.environ.get("COMFYUI_URL") else ["test_both.py"]


@dataclass(frozen=True)
class Both:
    ours: Live
    comfyui: Live


@pytest.fixture(scope="session")
def our_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our host; it ends with its stdin."""
    table = "tests.nodes.in_comfyui.preview:table"
    command = [
        sys.executable,
        "-m",
        "devserver.host",
        "--table",
        table,
        "--base",
        str(tmp_path_factory.mktemp("host")),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"


@pytest.fixture
async def both(our_url: str) -> AsyncIterator[Both]:
    async with aiohttp.ClientSession() as session:
        theirs = os.environ["COMFYUI_URL"].rstrip("/")
        yield Both(Live(our_url, session, PATIENCE_S), Live(theirs, session, PATIENCE_S))
