"""Who may use a host: no page of another server, and no program that does not show the token."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from websockets.sync.client import connect

from devserver.host.access import bearer_header, load_token, new_token
from devserver.host.child import Child
from devserver.host.host import Host
from devserver.processes.workers import ROOT
from tests.doubles.programs import Server

PROBES = "tests.doubles.probe_nodes:table"
WRITES = [("/queue", {"clear": True}), ("/interrupt", {}), ("/prompt", {"prompt": {}}), ("/free", {})]
FROM_PAGES: list[dict[str, str]] = [
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
]


def told_of(pid: int | None) -> bytes:
    """What other users of the machine may read of a process."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a host without a token."""
    runner = web.AppRunner(Host(PROBES, tmp_path).app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("headers", FROM_PAGES, ids=str)
async def test_a_page_of_another_server_changes_nothing(host: str, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        for path, body in WRITES:
            for prefix in ("", "/api"):
                text = {**headers, "Content-Type": "text/plain"}
                async with session.post(host + prefix + path, data=json.dumps(body), headers=text) as answer:
                    assert answer.status == 403, (prefix, path)


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}], ids=str)
async def test_a_program_and_the_own_page_may(host: str, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{host}/queue", json={"clear": True}, headers=headers) as answer:
            assert answer.status == 200
        async with session.post(f"{host}/queue", json={"clear": True}, headers={"Origin": host}) as answer:
            assert answer.status == 200


async def test_a_host_with_a_token_wants_it_everywhere(tmp_path: Path) -> None:
    token = new_token()
    child = Child(PROBES, tmp_path, token=token)
    url = await child.start()
    try:
        async with aiohttp.ClientSession() as session:
            for shown in ({}, {"Authorization": "Bearer x"}, {"Authorization": token}, {"Authorization": "Bearer "}):
                for method, path in (("GET", "/queue"), ("POST", "/queue"), ("GET", "/object_info"), ("GET", "/ws")):
                    async with session.request(method, url + path, headers=shown) as answer:
                        assert answer.status == 401, (shown, method, path)
            right = {"Authorization": bearer_header(token)}
            async with session.get(f"{url}/queue", headers=right) as answer:
                assert answer.status == 200
            async with session.ws_connect(f"{url}/ws", headers=right) as socket:
                assert (await socket.receive_json())["type"] == "status"
        assert token.encode() not in told_of(child.pid)
    finally:
        await child.stop()


def test_the_embedded_backend_lets_its_server_in_alone(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        _, told = server.call("GET", "/api/backends")
        (embedded,) = told["backends"]
        assert "Bearer" not in json.dumps(told)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{embedded['url']}/queue", timeout=20)
        status, answer = server.execute(input_text="x", output_config="silence_mp3", params={"seconds": 0.2})
        assert (status, answer["status"]) == (200, "success")


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token, made = load_token(tmp_path / "a" / "token")
    assert made
    assert load_token(tmp_path / "a" / "token") == (token, False)
    assert (tmp_path / "a" / "token").stat().st_mode & 0o777 == 0o600
    (tmp_path / "a" / "token").write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        load_token(tmp_path / "a" / "token")


# `server.py agent`


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> tuple[str, str]:
        """Its address, and what it has said before."""
        command = [sys.executable, "server.py", "agent", PROBES, "--base", str(tmp_path), *words]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        return f"http://127.0.0.1:{port}", (tmp_path / "token").read_text().strip() if "--open" not in words else ""

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def test_an_agent_wants_its_token(start_agent: Any) -> None:
    url, token = start_agent()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/queue", timeout=20)
    shown = urllib.request.Request(f"{url}/queue", headers={"Authorization": bearer_header(token)})
    assert urllib.request.urlopen(shown, timeout=20).status == 200


def test_an_open_agent_serves_a_plain_client_of_comfyui(start_agent: Any) -> None:
    """As ComfyUI's own example does it: urllib for the prompt, a websocket for its end, no header of ours."""
    url, _ = start_agent("--open")
    graph = {"1": {"class_type": "ProbeCounts", "inputs": {"seed": 3}}}
    with connect(f"{url.replace('http', 'ws')}/ws?clientId=me") as socket:
        body = json.dumps({"prompt": graph, "client_id": "me"}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/prompt", data=body), timeout=20) as answer:
            prompt_id = json.load(answer)["prompt_id"]
        for message in socket:
            told = json.loads(message)
            if told["type"] == "executing" and told["data"]["node"] is None:
                assert told["data"]["prompt_id"] == prompt_id
                break
    with urllib.request.urlopen(f"{url}/history/{prompt_id}", timeout=20) as answer:
        assert json.load(answer)[prompt_id]["status"]["status_str"] == "success"
