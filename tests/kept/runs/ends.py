"""Every way in which a run ends, by a backend of its own that makes sounds well or badly."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.doubles.programs import NodeHost, Server
from tests.kept.runs.listening import Listener, on_connect
from tests.kept.runs.making import FAULTS, TABLE, write_definitions
from tests.kept.runs.plain import plain
from tests.kept.runs.seen import made, seen
from tests.kept.scenario import Scenario

PATIENCE_S: Final = 180.0  # no passing test waits for it
GATED: Final = ("graph_sha256",)  # the graph has the path of its gate


def server_of(folder: Path, *hosts: NodeHost, **settings: Any) -> Server:
    backends = [{"name": f"studio{n}", "url": host.url} for n, host in enumerate(hosts)]
    given: dict[str, Any] = {"definitions": [str(write_definitions(folder / "definitions"))], "backends": backends}
    given |= {"embedded": False, "attempts": 2, "retry_pause_s": 0.1, "backend_wait_s": 1, "probe_s": 0.5}
    return Server(folder / "exports", **{**given, **settings})


def _at_the_backend(folder: Path) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    with NodeHost(folder / "host", TABLE) as host, server_of(folder, host) as server:
        for seed, fault in enumerate(FAULTS):
            asked: dict[str, Any] = {
                "input_text": "x",
                "output_config": "one",
                "seed": seed,
                "params": {"fault": fault},
            }
            cases[fault] = made(server, **asked)
        cases["takes"] = made(server, plan=True, input_text="x", output_config="three", seed=1)
        cases["takes_failed"] = made(server, input_text="x", output_config="three", params={"fault": "error"}, seed=1)
        outputs = ["one", "silence_mp3"]
        failed: dict[str, Any] = {"generation.fault": "error", "generation_2.seconds": 1}
        cases["one_of_two_outputs"] = made(server, input_text="x", output_config=outputs, params=failed, seed=1)
        late: dict[str, Any] = {"output_config": "hurried", "params": gate(folder / "never"), "seed": 1}
        cases["run_timeout"] = made(server, input_text="x", **late, drop=GATED)
    return cases


def gate(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return {"gate": str(folder)}


def begun(server: Server, **body: Any) -> str:
    status, told = server.execute(input_text="x", wait=False, **body)
    assert status == 202, told
    return str(told["run_id"])


def until(happened: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _stopped(folder: Path) -> dict[str, Any]:
    """Cancelled while it waits and while it is at work, stopped at the backend, and left waiting by a pause."""
    cases: dict[str, Any] = {}
    with NodeHost(folder / "host", TABLE) as host, server_of(folder, host) as server:
        cases["state_on_connect/idle"] = plain(on_connect(server, 3))
        params = gate(folder / "gate")
        running = begun(server, output_config="one", params=params, seed=1)
        until(host.runs_something)
        submitted = begun(server, output_config="one", params=params, seed=2)
        until(lambda: _waiting(server, "held") == 2)
        until(lambda: submitted in _pending(host))
        waiting = begun(server, output_config="one", params=params, seed=5)
        until(lambda: _waiting(server) == 1)
        listener = Listener(server, running)
        cases["state_on_connect/busy"] = plain(on_connect(server, 3))
        cases["not_ended"] = {"answer": server.call("GET", f"/api/runs/{running}/answer")}
        cancelled = {"waiting": waiting, "submitted": submitted, "running": running}
        for moment, run_id in cancelled.items():
            told = server.call("POST", f"/api/runs/{run_id}/cancel")
            cases[f"cancelled_while_{moment}"] = {"cancel": told, **seen(server, run_id, drop=GATED)}
        cases["cancelled_while_running"]["heard_live"] = listener.heard()
        cases["cancelled_again"] = server.call("POST", f"/api/runs/{running}/cancel")
        interrupted = begun(server, output_config="one", params=params, seed=6)
        until(host.runs_something)
        urllib.request.urlopen(urllib.request.Request(f"{host.url}/interrupt", b"", method="POST"), timeout=10).close()
        cases["interrupted"] = seen(server, interrupted, drop=GATED)
        server.call("POST", "/api/queue/pause", {})
        paused = begun(server, output_config="one", seed=7)
        until(lambda: _waiting(server) == 1)
        cases["state_on_connect/paused"] = plain(on_connect(server, 3))
        listener = Listener(server, paused)
        server.call("POST", "/api/queue/resume", {})
        cases["paused_and_resumed"] = {**seen(server, paused), "heard_live": listener.heard()}
    return cases


def _waiting(server: Server, kind: str = "waiting") -> int:
    return len(server.call("GET", "/api/queue")[1]["backends"][0][kind])


def _pending(host: NodeHost) -> str:
    with urllib.request.urlopen(f"{host.url}/queue", timeout=10) as response:
        return str(json.load(response)["queue_pending"])


SCENARIOS: Final = (
    Scenario("runs/ends/at_the_backend", _at_the_backend),
    Scenario("runs/ends/stopped", _stopped),
)
