"""`python -m benchmarks.peer_client NAME URL SECONDS COUNT`, run where that peer is installed: the graph through it.

Prints `{"seconds": [...], "wall_s": ..., "failed": ...}`: COUNT one after the other, then COUNT at once, which take
`wall_s` in all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks.graph import graph

SAVER = "2"  # the node of the graph that saves


def simplified(url: str, wanted: dict[str, Any]) -> bytes:
    """`comfy_api_simplified`: a wrapper around ComfyUI's own routes and socket."""
    api = import_module("comfy_api_simplified").ComfyApiWrapper(url)
    prompt_id, _ = asyncio.run(api.queue_prompt_and_wait(wanted))
    (file,) = api.get_history(prompt_id)[prompt_id]["outputs"][SAVER]["audio"]
    content: bytes = api.get_image(file["filename"], file["subfolder"], file["type"])
    return content


def sdk(_: str, wanted: dict[str, Any]) -> bytes:
    """`comfy-sdk`, pointed at `comfy-api-proxy` by its environment."""
    client = import_module("comfy_sdk").Comfy()
    job = client.run(client.workflows.from_json(wanted))
    content: bytes = job.get_outputs(SAVER)[0].to_bytes()
    return content


def cli(url: str, wanted: dict[str, Any]) -> bytes:
    """`comfy run --wait` of `comfy-cli`: a program for each run, which fetches nothing."""
    at = urlsplit(url)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(wanted, file)
        file.flush()
        program = str(Path(sys.executable).with_name("comfy"))
        where = ["--host", str(at.hostname), "--port", str(at.port)]
        command = [program, "--skip-prompt", "--no-enable-telemetry", "run", "--workflow", file.name, "--wait", *where]
        said = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return said.stdout


PEERS: dict[str, Callable[[str, dict[str, Any]], bytes]] = {"simplified": simplified, "sdk": sdk, "cli": cli}


def once(name: str, url: str, seconds: float) -> float | None:
    """Seconds until the sound's bytes are here; None where the peer failed."""
    begin = perf_counter()
    try:
        content = PEERS[name](url, graph(seconds, f"peers/{uuid.uuid4().hex}/audio"))
    except Exception as e:  # noqa: BLE001 # reason: whatever a peer raises is one failed run of it
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return None
    return perf_counter() - begin if content else None


def main() -> None:
    name, url, seconds, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    once(name, url, seconds)
    alone = [once(name, url, seconds) for _ in range(count)]
    begin = perf_counter()
    with ThreadPoolExecutor(count) as threads:
        together = list(threads.map(lambda _: once(name, url, seconds), range(count)))
    wall = perf_counter() - begin
    failed = [*alone, *together].count(None)
    print(json.dumps({"seconds": [taken for taken in alone if taken], "wall_s": wall, "failed": failed}))


if __name__ == "__main__":
    main()
