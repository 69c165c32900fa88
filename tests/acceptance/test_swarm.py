"""The main request through a SwarmUI: a server process, a gateway in front of two hosts, and what may happen there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.programs import ROOT, NodeHost, Server
from tests.doubles.swarm import Behind, RunningSwarm
from tests.patience import PATIENCE_S

TOKEN = "6c6f63616c.token.valid"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[NodeHost]]:
    with NodeHost(tmp_path / "host0") as first, NodeHost(tmp_path / "host1") as second:
        yield [first, second]


def behind(tmp_path: Path, hosts: list[NodeHost]) -> list[Behind]:
    return [Behind(host.url, tmp_path / f"host{number}" / "output") for number, host in enumerate(hosts)]


def served(exports: Path, url: str, **more: Any) -> Server:
    backend = {"name": "swarm", "url": url, "swarm_token": TOKEN, "authorization": "Bearer door"}
    return Server(exports, embedded=False, backends=[backend], probe_s=0.5, **more)


def listed(server: Server) -> dict[str, Any]:
    return {backend["name"]: backend for backend in server.call("GET", "/ready")[1]["backends"]}


def test_a_run_through_a_swarmui_that_asks_for_token_and_header(
    tmp_path: Path, exports: Path, hosts: list[NodeHost]
) -> None:
    doubled = RunningSwarm(*behind(tmp_path, hosts), token=TOKEN, authorization="Bearer door")
    with doubled as swarm, served(exports, swarm.url) as server:
        assert {"swarm", "swarm#0", "swarm#1"} == set(listed(server))
        status, body = server.execute(input_text="x", schema="dada", params={"seconds": 2})
        assert status == 200, body
        used = body["media_output"]["metadata"]
        assert used["backend"] == "swarm#0"
        assert abs(used["facts"]["seconds"] - 2) < 0.1
        direct = [headers for _, path, headers in swarm.swarm.asked if path.startswith("/ComfyBackendDirect")]
        assert all("X-Swarm-Backend-ID" in headers and TOKEN in headers["Cookie"] for headers in direct)
        assert swarm.swarm.direct.improper == 0
        assert used["prompt_id"] in hosts[0].history()
        assert hosts[1].history() == {}


def test_kill_of_a_pinned_backend_moves_its_runs_to_the_other(
    tmp_path: Path, exports: Path, hosts: list[NodeHost]
) -> None:
    with RunningSwarm(*behind(tmp_path, hosts)) as swarm, served(exports, swarm.url) as server:
        _, started = server.execute(input_text="x", params={"seconds": 60}, wait=False)
        wait_for(lambda: server.run(started["run_id"])["stages"][-1].get("attempts"))
        hosts[0].kill()
        status, body = server.ended(started["run_id"])
        assert status == 200, body
        assert body["media_output"]["metadata"]["backend"] == "swarm#1"
        assert [w["code"] for w in body["warnings"] if "lost" in w["code"]] == ["attempt_1_1_lost"]
        wait_for(lambda: set(listed(server)) == {"swarm", "swarm#1"})
        assert listed(server)["swarm"]["state"] == "up"


def test_a_swarmui_without_comfyui_is_not_waited_for(tmp_path: Path, exports: Path, hosts: list[NodeHost]) -> None:
    backends = behind(tmp_path, hosts)
    for backend in backends:
        backend.status = "disabled"
    with RunningSwarm(*backends) as swarm, served(exports, swarm.url) as server:
        assert "all_disabled" in listed(server)["swarm"]["problem"]
        status, body = server.execute(input_text="x", params={"seconds": 1})
        assert status in (409, 502), body
        assert "all_disabled" in body["error"]["message"]


def test_kill_of_the_server_submits_nothing_twice(tmp_path: Path, exports: Path, hosts: list[NodeHost]) -> None:
    with RunningSwarm(*behind(tmp_path, hosts)) as swarm:
        first = served(exports, swarm.url)
        _, started = first.execute(input_text="x", params={"seconds": 40}, wait=False)
        wait_for(lambda: first.run(started["run_id"])["stages"][-1].get("attempts"))
        wait_for(lambda: took_a_prompt(hosts[0]))
        first.kill()
        with served(exports, swarm.url) as second:
            status, body = second.ended(started["run_id"])
        assert (status, body["warnings"]) == (200, []), body
        assert list(hosts[0].history()) == [body["media_output"]["metadata"]["prompt_id"]]
        assert hosts[1].history() == {}


def test_a_server_that_starts_before_its_swarmui_takes_up_what_it_had_there(
    tmp_path: Path, exports: Path, hosts: list[NodeHost]
) -> None:
    with RunningSwarm(*behind(tmp_path, hosts)) as swarm:
        first = served(exports, swarm.url)
        _, started = first.execute(input_text="x", params={"seconds": 20}, wait=False)
        wait_for(lambda: took_a_prompt(hosts[0]))
        first.kill()
        swarm.swarm.away = True
        with served(exports, swarm.url) as second:
            assert listed(second)["swarm"]["state"] == "down"
            swarm.swarm.away = False
            status, body = second.ended(started["run_id"])
            assert (status, body["warnings"]) == (200, []), body
        assert list(hosts[0].history()) == [body["media_output"]["metadata"]["prompt_id"]]


def test_doctor_and_lint_tell_what_each_comfyui_of_a_swarmui_can_run(
    tmp_path: Path, exports: Path, hosts: list[NodeHost]
) -> None:
    with RunningSwarm(*behind(tmp_path, hosts)) as swarm:
        linted = command("lint", "--backend", swarm.url)
        assert linted.returncode == 0, linted.stdout
        assert linted.stdout.count("procedural_instrumental: can run") == 2
        done = command("doctor", "--exports", str(exports), "--backend", swarm.url)
        assert done.returncode == 0, done.stdout
        assert "comfyui#1 at " in done.stdout
        assert done.stdout.count("procedural_instrumental: can run") == 2
        for backend in swarm.swarm.backends.values():
            backend.status = "loading"
        done = command("doctor", "--exports", str(exports), "--backend", swarm.url)
        assert done.returncode == 1
        assert "still loading" in done.stdout


def command(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TONEWRIGHT_DISCOVER": "false"}
    return subprocess.run(
        [sys.executable, "server.py", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_S,
        check=False,
    )


def took_a_prompt(host: NodeHost) -> bool:
    with urllib.request.urlopen(f"{host.url}/prompt", timeout=PATIENCE_S) as response:
        return bool(json.load(response)["exec_info"]["queue_remaining"] or host.history())


def wait_for(happened: Any, limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
