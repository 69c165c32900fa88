"""The subjects of the contract: the transcripts, a host in its own process, and a real ComfyUI where one is named.

``COMFYUI_URL=http://127.0.0.1:8188 pytest tests/contract`` adds the real one. It needs our node folder linked into its
``custom_nodes``, and nobody else on it: the suite interrupts prompts, clears the queue and deletes from the history.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.live import Live
from tests.contract.scenario import Running, Subject, Transcripts

ROOT = Path(__file__).parents[2]

SUBJECTS = ["transcripts", "host", *(["comfyui"] if os.environ.get("COMFYUI_URL") else [])]


@pytest.fixture(scope="session")
def host_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One host for the whole suite; it ends with its stdin."""
    base = tmp_path_factory.mktemp("host")
    command = [sys.executable, "-m", "devserver.agents", "--table", "embedded", "--base", str(base)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"


@pytest.fixture(scope="session")
def played() -> dict[str, dict[str, Any]]:
    """What each subject was heard to say: every scenario is played once."""
    return {name: {} for name in SUBJECTS}


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, played: dict[str, dict[str, Any]]) -> AsyncIterator[Subject]:
    if request.param == "transcripts":
        yield Transcripts()
        return
    url = request.getfixturevalue("host_url") if request.param == "host" else os.environ["COMFYUI_URL"]
    async with aiohttp.ClientSession() as session:
        yield Running(Live(url.rstrip("/"), session), played[request.param])
