"""Two users and an admin at one real server: runs, lists, files and the queue are each one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devserver.users.keys import Keys
from tests.doubles import odd_media
from tests.doubles.programs import Server

WAV = odd_media.wav(odd_media.tone())
MASTER = {"input_text": "x", "schema": "plain", "output_config": "mastered_recording", "wait": False}


class User:
    def __init__(self, server: Server, secret: str) -> None:
        self._server, self._headers = server, {"Authorization": f"Bearer {secret}"}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self._server.call(method, path, body, dict(self._headers))

    def runs(self, query: str = "") -> list[str]:
        return [run["run_id"] for run in self.call("GET", f"/api/runs?{query}")[1]["runs"]]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, User]]:
    exports = tmp_path_factory.mktemp("exports")
    keys = Keys(exports / ".state")
    secrets = {"anna": keys.add("anna"), "bob": keys.add("bob"), "root": keys.add("root", admin=True)}
    with Server(exports) as server:
        yield {name: User(server, secret) for name, secret in secrets.items()}


def test_runs_lists_and_files_are_each_ones_own(users: dict[str, User]) -> None:
    anna, bob, root = users["anna"], users["bob"], users["root"]
    made = {}
    for name in ("anna", "bob"):
        body = {"input_text": f"the song of {name}", "schema": "plain", "output_config": "silence_mp3"}
        status, told = users[name].call("POST", "/api/schema/pipeline/execute", {**body, "safety_level": "off"})
        assert status == 200, told
        made[name] = told["run_id"]
    assert anna.runs() == anna.runs("q=song") == anna.runs("status=success") == [made["anna"]]
    assert bob.runs() == bob.runs("output=silence_mp3") == [made["bob"]]
    assert bob.runs("q=anna") == []
    assert set(root.runs()) == set(root.runs("q=song")) == {made["anna"], made["bob"]}

    theirs = {"run": made["anna"], "entity": "07_output_audio.mp3"}
    for value in (theirs, anna.call("POST", "/api/uploads", WAV)[1]["id"]):
        asked = {**MASTER, "params": {"audio": value}}
        status, told = bob.call("POST", "/api/schema/pipeline/execute", asked)
        assert (status, told["error"]["field"]) == (404, "params.audio"), told
        status, told = anna.call("POST", "/api/schema/pipeline/execute", asked)
        assert status in {200, 202} or "is silent" in told["error"]["message"]

    for who, status in ((bob, 404), (root, 202)):
        assert who.call("POST", f"/api/runs/{made['anna']}/rerun", {})[0] == status
    for who, status in ((bob, 404), (root, 409), (anna, 409)):
        assert who.call("POST", f"/api/runs/{made['anna']}/cancel", {})[0] == status
    assert bob.runs() == [made["bob"]]


def test_what_is_everybodys_only_an_admin_changes(users: dict[str, User]) -> None:
    graph = {"graph": {"1": {"class_type": "EmptyAudio", "inputs": {}}}, "write": True, "name": "mine"}
    for path, body in (("/api/queue/pause", {}), ("/api/queue/resume", {}), ("/api/schema/import", graph)):
        status, told = users["bob"].call("POST", path, body)
        assert (status, told["error"]["code"]) == (403, "forbidden"), path
    assert users["root"].call("POST", "/api/queue/pause", {})[0] == 200
    assert users["root"].call("POST", "/api/queue/resume", {})[0] == 200
