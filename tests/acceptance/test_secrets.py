"""Secrets in the settings and in addresses are shown nowhere: planted, then looked for in all that a server tells."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from devserver.comfy.client import Client
from devserver.comfy.errors import BackendError
from devserver.llm.chat import ChatRequest, Endpoint, converse
from devserver.llm.errors import LlmError
from tests.doubles.llm import LlmServer, echo
from tests.doubles.programs import ROOT, NodeHost, Server
from tests.doubles.swarm import Behind, RunningSwarm
from tests.patience import PATIENCE_S

PLANTED = "PLANTED"
ROUTES = ("/", "/ready", "/health", "/metrics", "/api/backends", "/api/queue", "/api/runs", "/api/openapi.json")


def with_user(url: str, number: int) -> str:
    return url.replace("://", f"://user:{PLANTED}{number}@")


@pytest.mark.parametrize("written_as", ["text", "json"])
def test_planted_secrets_are_found_nowhere(tmp_path: Path, written_as: str) -> None:
    log = tmp_path / "log"
    before = ("sh", "-c", f'exec "$@" 2>{log}', "sh")
    with (
        NodeHost(tmp_path / "host") as host,
        RunningSwarm(Behind(host.url), token=f"{PLANTED}2") as swarm,
        LlmServer([echo("rewritten ")]) as llm,
    ):
        backends = [
            {"name": "studio", "url": with_user(host.url, 1), "headers": {"X-Token": f"{PLANTED}3"}},
            {"name": "swarm", "url": with_user(swarm.url, 4), "swarm_token": f"{PLANTED}2"},
            {"name": "gone", "url": with_user("http://127.0.0.1:9", 5), "authorization": f"Bearer {PLANTED}6"},
        ]
        llms = [
            {"name": "here", "url": with_user(llm.url, 7), "model": "tiny"},
            {"name": "off", "url": with_user("http://127.0.0.1:9/v1", 8), "model": "tiny", "api_key": f"{PLANTED}9"},
        ]
        settings: dict[str, Any] = {
            "backends": backends,
            "llms": llms,
            "embedded": False,
            "backend_wait_s": 0.1,
            "log_level": "debug",
            "log_format": written_as,
            "otlp_url": f"http://user:{PLANTED}10@127.0.0.1:9/?token={PLANTED}11",
        }
        seen: dict[str, str] = {}
        with Server(tmp_path / "exports", before=before, **settings) as server:
            status, body = server.execute(input_text="a song", output_config="silence_mp3", params={"seconds": 0.3})
            assert status == 200, body
            seen["answer"] = json.dumps(body)
            _, failed = server.execute(input_text="a song", output_config="musicgen", fallback=False)
            seen["refused"] = json.dumps(failed)
            seen["file"] = server.call("GET", body["media_output"]["url"])[1].decode("latin-1")
            seen["run"] = json.dumps(server.run(body["run_id"]))
            seen |= {route: json.dumps(server.call("GET", route)[1], default=str) for route in ROUTES}
            with urllib.request.urlopen(f"{server.url}/api/events", timeout=PATIENCE_S) as events:
                while "definitions" not in seen.get("events", ""):  # of the state that is told at first, it is the last
                    seen["events"] = seen.get("events", "") + events.readline().decode()
            assert {told["name"]: told["state"] for told in json.loads(seen["/api/backends"])["backends"]} == {
                "studio": "up", "swarm": "up", "swarm#0": "up", "gone": "down",
            }  # fmt: skip
        for path in (tmp_path / "exports").rglob("*"):
            if path.is_file():
                seen[str(path)] = path.read_bytes().decode("latin-1")
        seen["log"] = log.read_text()
        assert "studio" in seen["log"]
        seen["doctor"] = doctor(tmp_path, settings)
        assert "studio" in seen["doctor"]
    assert {name: text[max(0, text.find(PLANTED) - 60) :][:140] for name, text in seen.items() if PLANTED in text} == {}
    assert any("Basic " in headers.get("Authorization", "") for headers in llm.headers)


def doctor(folder: Path, settings: dict[str, Any]) -> str:
    """All that the command says of these settings."""
    file = folder / "tonewright.yaml"
    file.write_text(json.dumps({**settings, "exports": str(folder / "exports")}))  # JSON is YAML
    done = subprocess.run(
        [sys.executable, str(ROOT / "server.py"), "doctor"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_token_in_an_address_is_refused_without_being_shown(tmp_path: Path) -> None:
    told = doctor(tmp_path, {"backends": [{"name": "a", "url": f"http://127.0.0.1:9/?token={PLANTED}"}]})
    assert "backends.0.url" in told
    assert "authorization" in told
    assert PLANTED not in told


ECHOES = {"Authorization": "Bearer PLANTED-1", "X-Api-Key": "PLANTED-2", "Cookie": "swarm_token=PLANTED-3"}


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_program_that_shows_what_it_was_sent_gives_no_secret_away(status: int) -> None:
    """Some gateways quote the headers of a request that they refuse, and some language models the key."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": str(dict(request.headers))}}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", show)
    async with TestServer(app) as server, Client(str(server.make_url("")), headers=ECHOES) as client:
        with pytest.raises(BackendError) as caught:
            await client.system_stats()
        endpoint = Endpoint("llm", str(server.make_url("")), "tiny", api_key="PLANTED-4")
        async with ClientSession() as session:
            body: ChatRequest = {"model": "tiny", "messages": [], "stream": True}
            with pytest.raises(LlmError) as told:
                await converse(session, endpoint, body, 30.0, lambda _: None)
    assert PLANTED not in f"{caught.value} {told.value}"
