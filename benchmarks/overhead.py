"""The same second of silence as MP3: straight over the backend's socket, and through the server."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from benchmarks.numbers import spread

GRAPH = Path(__file__).parents[1] / "schemas" / "graphs" / "silence_mp3.json"
REQUEST = {
    "schema": "plain",
    "input_text": "silence",
    "output_config": "silence_mp3",
    "safety_level": "off",
    "fallback": False,
}


async def measure(session: ClientSession, backend_url: str, server_url: str, *, runs: int) -> str:
    """Both ways in turns, so that whatever else the machine does falls on both."""
    client_id = uuid.uuid4().hex
    direct: list[float] = []
    through: list[float] = []
    async with session.ws_connect(f"{backend_url}/ws", params={"clientId": client_id}) as socket:
        for number in range(runs + 3):
            begin = perf_counter()
            size = await straight(session, socket, backend_url, client_id)
            middle = perf_counter()
            size_through = await by_server(session, server_url)
            end = perf_counter()
            assert min(size, size_through) > 1000, (size, size_through)
            if number >= 3:  # the first ones load what both sides load once
                direct.append(middle - begin)
                through.append(end - middle)
    return "\n".join(
        [
            f"silence_mp3, {runs} times each, in turns, the file fetched",
            f"  straight to the backend  {spread(direct)}",
            f"  through the server       {spread(through)}",
            f"  ratio of the medians     {median(through) / median(direct):7.2f}",
            f"  added by the server      {(median(through) - median(direct)) * 1e3:7.1f} ms",
        ]
    )


async def straight(session: ClientSession, socket: ClientWebSocketResponse, url: str, client_id: str) -> int:
    """The least that a program of one's own does: submit, wait on the socket, fetch. Returns the file's bytes."""
    graph = json.loads(GRAPH.read_text(encoding="utf-8"))
    prompt_id = str(uuid.uuid4())
    for node in graph.values():
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = f"bench/{prompt_id}/audio"
    body = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
    async with session.post(f"{url}/prompt", json=body) as answer:
        assert answer.status == 200, await answer.text()
    file = await saved_file(socket, prompt_id)
    async with session.get(f"{url}/view", params=file) as answer:
        assert answer.status == 200, await answer.text()
        return len(await answer.read())


async def saved_file(socket: ClientWebSocketResponse, prompt_id: str) -> dict[str, str]:
    file: dict[str, str] = {}
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        event: dict[str, Any] = message.json()
        data = event.get("data", {})
        if data.get("prompt_id") != prompt_id:
            continue
        if event["type"] == "executed":
            file = data["output"]["audio"][0]
        if event["type"] == "executing" and data["node"] is None:
            break
    return file


async def by_server(session: ClientSession, url: str) -> int:
    """One request, and the file from where its answer says. Returns the file's bytes."""
    async with session.post(f"{url}/api/schema/pipeline/execute", json=REQUEST) as answer:
        body = await answer.json()
        assert answer.status == 200, body
    address = body["media_output"]["url"]
    async with session.get(address if "://" in address else url + address) as answer:
        assert answer.status == 200, await answer.text()
        return len(await answer.read())
