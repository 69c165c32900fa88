"""`python -m benchmarks.peer_client NAME URL SECONDS`, run where that peer is installed: the graph through it.

Each line on stdin is a number: so many graphs at once. Once all have ended it is answered with
`{"wall_s": ..., "failed": ...}`.
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


def headless(url: str, wanted: dict[str, Any]) -> bytes:
    """`comfy-headless`, which asks the history twice a second."""
    with import_module("comfy_headless").ComfyClient(url) as client:
        prompt_id = client.queue_prompt(wanted)
        (file,) = client.wait_for_completion(prompt_id)["outputs"][SAVER]["audio"]
        content: bytes = client.get_file(file["filename"], file["subfolder"], file["type"])
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


PEERS: dict[str, Callable[[str, dict[str, Any]], bytes]] = {
    one.__name__: one for one in (simplified, headless, sdk, cli)
}


def fetch(name: str, url: str, seconds: float) -> bool:
    """Make one graph and fetch its sound; whether that went well."""
    try:
        return bool(PEERS[name](url, graph(seconds, f"peers/{uuid.uuid4().hex}/audio")))
    except Exception as e:  # noqa: BLE001 # reason: whatever a peer raises is one failed run of it
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return False


def main() -> None:
    name, url, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr  # peers print too
    for line in sys.stdin:
        begin = perf_counter()
        with ThreadPoolExecutor(int(line)) as threads:
            made = list(threads.map(lambda _: fetch(name, url, seconds), range(int(line))))
        told = {"wall_s": perf_counter() - begin, "failed": made.count(False)}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
