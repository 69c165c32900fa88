"""A pupil cannot switch the safety off: every door that starts a run, of a real server, for a key with a floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devserver.users.keys import Keys
from devserver.users.rights import Rights
from tests.doubles.programs import Server

EXECUTE = "/api/schema/pipeline/execute"
SILENCE = {"input_text": "hush", "schema": "plain", "output_config": "silence_mp3"}
UNCHECKED = """\
label: {en: Unchecked, de: Ungeprüft}
description: {en: Makes a sound., de: Macht einen Ton.}
stages:
  - {name: generation, kind: graph, chunk: $output}
defaults: {schema: plain, output_config: silence_mp3}
"""


@dataclass
class Pupil:
    """A user whose key got a floor after it had made a run without any check."""

    server: Server
    secret: str
    earlier: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.call(method, path, body, {"Authorization": f"Bearer {self.secret}", **sent})


@pytest.fixture(scope="module")
def pupil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pupil]:
    folder: Path = tmp_path_factory.mktemp("school")
    (folder / "definitions" / "pipelines").mkdir(parents=True)
    (folder / "definitions" / "pipelines" / "unchecked.yaml").write_text(UNCHECKED)
    keys = Keys(folder / "exports" / ".state")
    with Server(folder / "exports", definitions=[str(folder / "definitions")]) as server:
        found = Pupil(server, keys.add("bob"), "")
        status, told = found.call("POST", EXECUTE, {**SILENCE, "safety_level": "off"}, Idempotency_Key="once")
        assert status == 200, told
        found.earlier = told["run_id"]
        keys.remove("bob")
        found.secret = keys.add("bob", rights=Rights("youth", 0, ("silence_mp3",)))
        yield found


BELOW = {
    "execute": (EXECUTE, {**SILENCE, "safety_level": "adult"}, {}, "safety_level", "adult"),
    "a stream": (EXECUTE, {**SILENCE, "safety_level": "off", "enable_streaming": True}, {}, "safety_level", "off"),
    "a replay": (EXECUTE, {**SILENCE, "safety_level": "off"}, {"Idempotency_Key": "once"}, "safety_level", "off"),
    "a rerun": ("/api/runs/RUN/rerun", {}, {}, "safety_level", "off"),
    "interception": (
        "/api/schema/pipeline/interception",
        {"schema": "mirror", "input_text": "x", "safety_level": "research"},
        {},
        "safety_level",
        "research",
    ),
    "a pipeline without checks": (
        EXECUTE,
        {**SILENCE, "pipeline": "unchecked", "safety_level": "kids"},
        {},
        "pipeline",
        "unchecked",
    ),
    "another output": (
        EXECUTE,
        {**SILENCE, "output_config": "procedural_instrumental"},
        {},
        "output_config",
        "procedural_instrumental",
    ),
    "generation": (
        "/api/schema/pipeline/generation",
        {"prompt": "x", "output_config": "procedural_instrumental"},
        {},
        "output_config",
        "procedural_instrumental",
    ),
}


@pytest.mark.parametrize("door", BELOW)
def test_every_door_refuses_what_is_below_the_floor_and_starts_nothing(pupil: Pupil, door: str) -> None:
    path, body, headers, field, value = BELOW[door]
    before = pupil.call("GET", "/api/runs")[1]["runs"]
    status, told = pupil.call("POST", path.replace("RUN", pupil.earlier), body, **headers)
    error = told["error"]
    assert (status, error["field"], error["value"]) == (403, field, value), told
    assert error["allowed"]
    assert pupil.call("GET", "/api/runs")[1]["runs"] == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXECUTE, SILENCE),
        ("/api/schema/pipeline/interception", {"schema": "mirror", "input_text": "hush"}),
        ("/api/schema/pipeline/generation", {"prompt": "hush", "output_config": "silence_mp3"}),
    ],
)
def test_a_request_that_names_no_level_has_the_floor(pupil: Pupil, path: str, body: dict[str, Any]) -> None:
    status, told = pupil.call("POST", path, body)
    assert status == 200, told
    _, run = pupil.call("GET", f"/api/runs/{told['run_id']}")
    assert run["resolved"]["safety_level"] == "youth"
    assert pupil.call("POST", f"/api/runs/{told['run_id']}/rerun", {})[0] in (200, 202)


def test_what_may_be_asked_for_is_all_that_is_offered(pupil: Pupil) -> None:
    assert pupil.call("GET", "/api/session")[1]["safety_levels"] == ["youth", "kids"]
    assert [output["name"] for output in pupil.call("GET", "/api/schema/outputs")[1]["outputs"]] == ["silence_mp3"]
    configs = pupil.call("GET", "/pipeline_configs_metadata")[1]["configs"]
    assert [config["id"] for config in configs if config["meta"]["stage"] == "output"] == ["silence_mp3"]


def test_a_floor_of_the_server_holds_for_an_admin_too(tmp_path: Path) -> None:
    secret = Keys(tmp_path / ".state").add("root", admin=True)
    with Server(tmp_path, embedded=False, safety_floor="kids") as server:
        headers = {"Authorization": f"Bearer {secret}"}
        body = {**SILENCE, "safety_level": "youth", "wait": False}
        status, told = server.call("POST", EXECUTE, body, dict(headers))
        assert (status, told["error"]["field"], told["error"]["allowed"]) == (403, "safety_level", ["kids"])
        del body["safety_level"]
        assert server.call("POST", EXECUTE, body, headers)[0] == 202
