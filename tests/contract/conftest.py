"""The subjects of the contract: the transcripts, a host, the same host behind a SwarmUI's double, and a real ComfyUI.

``COMFYUI_URL=http://127.0.0.1:8188 pytest tests/contract`` adds the real one. It needs our node folder linked into its
``custom_nodes``, and nobody else on it: the suite interrupts prompts, clears the queue and deletes from the history.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devserver.comfy.swarm import PIN
from tests.contract.live import Live
from tests.contract.scenario import Running, Subject, Transcripts
from tests.doubles.swarm import Behind, RunningSwarm

ROOT = Path(__file__).parents[2]

SUBJECTS = ["transcripts", "host", "swarm"]
if os.environ.get("COMFYUI_URL"):
    SUBJECTS += ["comfyui", "swarm_of_comfyui"]


# What a SwarmUI does not pass on: ranges, lengths and origins (test_swarm holds it to that: statement 8).
LOST_IN_SWARM = re.compile(r"\[swarm\w*-(view|pages_from_elsewhere)\]$")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the checks of what does not come through, instead of skipping them."""
    items[:] = [item for item in items if not LOST_IN_SWARM.search(item.name)]


@pytest.fixture(scope="session")
def host_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One host for the whole suite; it ends with its stdin."""
    base = tmp_path_factory.mktemp("host")
    command = [sys.executable, "-m", "devserver.host", "--table", "embedded", "--base", str(base)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"


@pytest.fixture(scope="session")
def swarm_url(host_url: str) -> Iterator[str]:
    """The way through a SwarmUI to the host."""
    with RunningSwarm(Behind(host_url)) as swarm:
        yield swarm.direct


@pytest.fixture(scope="session")
def comfyui_url() -> str:
    return os.environ["COMFYUI_URL"]


@pytest.fixture(scope="session")
def swarm_of_comfyui_url(comfyui_url: str) -> Iterator[str]:
    with RunningSwarm(Behind(comfyui_url.rstrip("/"))) as swarm:
        yield swarm.direct


@pytest.fixture(scope="session")
def played() -> dict[str, dict[str, Any]]:
    """What each subject was heard to say: every scenario is played once."""
    return {name: {} for name in SUBJECTS}


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, played: dict[str, dict[str, Any]]) -> AsyncIterator[Subject]:
    if request.param == "transcripts":
        yield Transcripts()
        return
    url = str(request.getfixturevalue(f"{request.param}_url"))
    headers = {PIN: "0"} if request.param.startswith("swarm") else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Running(Live(url.rstrip("/"), session), played[request.param])
