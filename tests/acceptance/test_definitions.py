"""Definitions edited under a running server: what is accepted, what is told, and what a run in progress keeps."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.build import SHIPPED
from tests.doubles.programs import NodeHost, Server
from tests.patience import PATIENCE_S

SILENCE = yaml.safe_load((SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8"))


def write(folder: Path, **changed: Any) -> None:
    path = folder / "configs" / "output" / "hush.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**SILENCE, **changed}, allow_unicode=True), "utf8")


def until(server: Server, state: str, version: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status, told = server.call("GET", "/api/schema/status")
        assert status == 200
        if (told["state"], told["version"]) == (state, version):
            assert isinstance(told, dict)
            return told
        time.sleep(0.05)
    raise AssertionError(f"the definitions did not become {state} {version}: {told}")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    write(folder)
    return folder


@pytest.fixture
def server(own: Path, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "exports", definitions=[str(own)]) as running:
        yield running


def test_good_and_bad_edits_under_a_running_server(server: Server, own: Path) -> None:
    assert until(server, "ok", 1)["watched"]
    assert seconds(server) == 1
    write(own, values={"seconds": 2})
    until(server, "ok", 2)
    assert seconds(server) == 2
    write(own, values={"seconds": -1})
    (problem,) = until(server, "broken", 2)["problems"]
    assert (problem["field"], Path(problem["file"]).name) == ("values.seconds", "hush.yaml")
    assert "must be a number from 0.1" in problem["message"]
    assert seconds(server) == 2
    write(own, values={"seconds": 3})
    assert until(server, "ok", 3)["problems"] == []
    assert seconds(server) == 3


def seconds(server: Server) -> float:
    status, body = server.execute(input_text="x", output_config="hush")
    assert status == 200, body
    return float(body["media_output"]["metadata"]["parameters"]["seconds"])


def test_a_run_keeps_the_definitions_that_it_was_accepted_with(own: Path, tmp_path: Path) -> None:
    """Its backend comes only after the edit; the run is made as it was accepted."""
    with NodeHost(tmp_path / "host") as host:
        port = int(host.url.rpartition(":")[2])
    late = [{"name": "studio", "url": f"http://127.0.0.1:{port}"}]
    settings: dict[str, Any] = {
        "definitions": [str(own)],
        "backends": late,
        "embedded": False,
        "backend_wait_s": 60,
        "probe_s": 0.2,
    }
    with Server(tmp_path / "exports", **settings) as server:
        _, started = server.execute(input_text="x", output_config="hush", wait=False)
        write(own, values={"seconds": 2})
        until(server, "ok", 2)
        with NodeHost(tmp_path / "host", port=port):
            status, body = server.ended(started["run_id"])
        assert status == 200, body
        assert body["media_output"]["metadata"]["parameters"]["seconds"] == 1


def test_the_event_is_told_to_whoever_listens(server: Server, own: Path) -> None:
    with urllib.request.urlopen(f"{server.url}/api/events", timeout=PATIENCE_S) as stream:
        lines = (line.decode() for line in stream)
        told = (json.loads(line[6:]) for line in lines if line.startswith("data: "))
        states = (event["data"] for event in told if event["kind"] == "definitions")
        assert next(states)["state"] == "ok"
        write(own, values={"seconds": -1})
        broken = next(states)
    assert (broken["state"], broken["problems"][0]["field"]) == ("broken", "values.seconds")
