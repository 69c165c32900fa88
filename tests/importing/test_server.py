"""The import as people reach it: on the command line and over HTTP, up to a file that the imported graph made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.definitions.definition_files import read_graph
from schemas.graph import Graph
from schemas.importing.drafts import draft
from schemas.nodes import NodeTable
from tests.doubles.commands import tonewright
from tests.doubles.programs import ROOT, NodeHost, Server
from tests.importing.conftest import TABLE_FILE
from tests.importing.saved import node, save, saved, silence, subgraph

# As a page saves it: an empty sound, through a sub-graph, into a FLAC; beside it a note and a muted branch.
QUIET = saved(
    silence(seconds=1.5),
    node(3, "in and out", takes={"audio:AUDIO": 1}, gives="AUDIO"),
    save(link=2),
    node(20, "Note", "hush"),
    node(21, "Zither", mode=2),
    links=[[1, 1, 0, 3, 0], [2, 3, 0, 9, 0]],
    subgraphs=(
        subgraph(
            "in and out",
            node(5, "AudioAdjustVolume", 3, takes={"audio:AUDIO": 1}, gives="AUDIO"),
            inputs="audio",
            outputs="audio",
            links=[[1, -10, 0, 5, 0], [3, 5, 0, -20, 0]],
        ),
    ),
)


ODD = {
    "1": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0, "sample_rate": 44100, "channels": 2}},
    "2": {"class_type": "Odd", "inputs": {"audio": ["1", 0], "x": 0.5}},
    "3": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 0], "filename_prefix": "x"}},
}
TWO_GRAPH_STAGES = """\
label: {en: Two, de: Zwei}
description: {en: Two., de: Zwei.}
stages:
  - {name: generation, kind: graph, chunk: $output}
  - {name: cover, kind: graph, chunk: cover_image}
defaults: {schema: plain, output_config: silence_mp3}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with NodeHost(tmp_path_factory.mktemp("host")) as running:
        yield running.url


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("definitions")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, host: str, own: Path) -> Iterator[Server]:
    backends = [{"name": "studio", "url": host}]
    exports = tmp_path_factory.mktemp("exports")
    with Server(exports, backends=backends, embedded=False, definitions=[str(own)]) as running:
        yield running


def test_a_file_is_imported_linted_and_refused_where_its_name_is_taken(tmp_path: Path, song: Graph) -> None:
    file, own = tmp_path / "My Song.json", tmp_path / "own"
    file.write_text(json.dumps(song))
    given = (str(file), "--table", str(TABLE_FILE), "--definitions", str(own))
    done = tonewright("import", *given)
    assert done.returncode == 0, done.stderr
    assert "parameter    seconds (float)" in done.stdout
    assert "model        ace_step_v1_3.5b.safetensors in models/checkpoints" in done.stdout
    assert (own / "configs" / "output" / "my_song.yaml").is_file()
    assert tonewright("lint", "--definitions", str(own)).stdout.strip() == "The definitions have no problem."
    again = tonewright("import", *given)
    assert (again.returncode, again.stdout) == (1, "")
    assert "the name my_song is taken" in again.stderr
    assert tonewright("import", *given, "--replace").returncode == 0
    assert tonewright("import", *given, "--name", "other").returncode == 0


def test_absent_classes_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    file, own = tmp_path / "strange.json", tmp_path / "own"
    file.write_text(json.dumps(saved(node(1, "Zither"), node(2, "Autoharp"), links=[])))
    done = tonewright("import", str(file), "--definitions", str(own))
    assert (done.returncode, own.exists()) == (1, False)
    assert done.stderr.strip() == "Not imported: no node table has these classes: Autoharp, Zither"


def test_lint_tells_what_a_backend_runs_and_what_it_lacks(host: str) -> None:
    done = tonewright("lint", "--backend", host)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "silence_mp3: can run" in done.stdout
    assert "acestep_instrumental: cannot run" in done.stdout
    assert "ace_step_v1_3.5b.safetensors" in done.stdout


def test_lint_fails_on_a_backend_that_is_silent(tmp_path: Path) -> None:
    with NodeHost(tmp_path / "host") as gone:
        url = gone.url
    assert tonewright("lint", "--backend", url).returncode == 1


def test_the_schemas_for_editors_take_every_shipped_definition(tmp_path: Path) -> None:
    import yaml
    from openapi_schema_validator import OAS31Validator

    done = tonewright("schema", str(tmp_path))
    assert "# yaml-language-server: $schema=file://" in done.stdout
    kinds = {
        "chunk": "chunks",
        "pipeline": "pipelines",
        "interception": "configs/interception",
        "output": "configs/output",
    }
    for kind, place in kinds.items():
        schema = json.loads((tmp_path / f"{kind}.json").read_text())
        schema.pop("$schema")
        for path in (ROOT / "schemas" / place).glob("*.yaml"):
            OAS31Validator(schema).validate(yaml.safe_load(path.read_text().replace(" off:", ' "off":')))
        wrong = {**yaml.safe_load(path.read_text()), "colour": "red"}
        assert not OAS31Validator(schema).is_valid(wrong), kind


def promised(server: Server, path: str, status: int, told: Any) -> dict[str, Any]:
    """The answer, held against what /openapi.json says about it."""
    from openapi_schema_validator import OAS31Validator

    _, document = server.call("GET", "/openapi.json")
    content = document["paths"][path]["post"]["responses"][str(status)]["content"]["application/json"]
    OAS31Validator({**content["schema"], "components": document["components"]}).validate(told)
    assert isinstance(told, dict)
    return told


def imported(server: Server, **body: Any) -> dict[str, Any]:
    status, told = server.call("POST", "/api/schema/import", body)
    assert status == 200, told
    return promised(server, "/api/schema/import", status, told)


def test_over_http_the_files_are_shown_and_written_only_when_asked(server: Server, own: Path) -> None:
    told = imported(server, graph=QUIET, name="shown")
    assert set(told["files"]) >= {"chunks/shown.yaml", "configs/output/shown.yaml", "graphs/shown.json"}
    assert (told["form"], told["written"], list(own.rglob("shown*"))) == ("ui", [], [])
    assert told["parameters"] == {"seconds": "float", "sample_rate_hz": "int"}


def test_an_imported_graph_runs_at_once_and_its_file_can_be_imported_again(
    server: Server, own: Path, table: NodeTable
) -> None:
    told = imported(server, graph=QUIET, name="quiet", write=True)
    assert all(Path(path).is_relative_to(own) for path in told["written"])
    status, done = server.execute(input_text="x", output_config="quiet", params={"seconds": 2.5})
    assert status == 200, done
    made = server.exports / done["run_id"]
    file = next(path for path in made.rglob("*.flac"))
    again = draft(read_graph(file), table, name="again", pipelines=[])
    assert again.graph["1"]["inputs"]["duration"] == 2.5
    assert server.call("POST", "/api/schema/import", {"graph": QUIET, "name": "quiet", "write": True})[0] == 409
    assert imported(server, graph=QUIET, name="quiet", write=True, replace=True)["written"]
    with file.open("rb") as sent:
        status, upload = server.call("POST", "/api/uploads", sent.read(), {"Content-Type": "audio/flac"})
    assert status == 201, upload
    assert imported(server, upload=upload["id"], name="from_a_file")["form"] == "api"


WRONG: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "nothing given": ({}, 422, "graph", "exactly one"),
    "both given": ({"graph": {}, "upload": "x"}, 422, "graph", "exactly one"),
    "an unknown key": ({"grpah": {}}, 422, "grpah", "There is no field"),
    "no such upload": ({"upload": "f" * 64}, 404, "upload", "no such upload"),
    "no such backend": ({"graph": QUIET, "backend": "attic"}, 404, "backend", "no such backend"),
    "a bad name": ({"graph": QUIET, "name": "../x"}, 422, "name", "small letters"),
    "no graph": ({"graph": {"a": 1}}, 422, "graph", "no class_type"),
    "absent classes": ({"graph": saved(node(1, "Zither"), links=[])}, 422, "graph", "Zither"),
    "a taken name": ({"graph": QUIET, "name": "silence_mp3", "write": True, "replace": True}, 409, "name", "already"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_names_its_field(server: Server, own: Path, case: str) -> None:
    body, status, field, words = WRONG[case]
    before = sorted(own.rglob("*"))
    found, told = server.call("POST", "/api/schema/import", body)
    assert (found, promised(server, "/api/schema/import", found, told)["error"]["field"]) == (status, field)
    assert words in told["error"]["message"]
    assert sorted(own.rglob("*")) == before


def validated(server: Server, kind: str, text: str, **more: str) -> dict[str, Any]:
    status, told = server.call("POST", "/api/schema/validate", {"kind": kind, "text": text, **more})
    assert status == 200, told
    return promised(server, "/api/schema/validate", status, told)


def test_a_text_is_checked_with_line_and_field_and_nothing_is_changed(server: Server) -> None:
    text = (ROOT / "schemas" / "configs" / "output" / "silence_mp3.yaml").read_text()
    assert validated(server, "output", text, name="silence_mp3") == {"valid": True, "problems": []}
    assert validated(server, "output", text) == {"valid": True, "problems": []}
    wrong = text.replace("seconds:", "secnds:", 1)
    line = next(number for number, one in enumerate(wrong.splitlines(), 1) if "secnds" in one)
    told = validated(server, "output", wrong)
    assert told["valid"] is False
    assert told["problems"][0]["line"] == line
    assert "secnds" in told["problems"][0]["field"]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("chunk", "kind: graph\n  x: y: z", "is not YAML"),
        ("graph", '{"1": {"class_type": "EmptyAudio"}}', "a node has a class_type and inputs"),
        ("graph", "{", "is not JSON"),
        ("pipeline", "[1]", "must be a mapping"),
        ("pipeline", TWO_GRAPH_STAGES, "parameter prompt of chunk cover_image has no default"),
        ("interception", "label: {en: x, de: y}", "is required"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(server: Server, kind: str, text: str, message: str) -> None:
    told = validated(server, kind, text)
    assert any(message in problem["message"] for problem in told["problems"]), told


def test_a_kind_that_there_is_not_is_named(server: Server) -> None:
    status, told = server.call("POST", "/api/schema/validate", {"kind": "recipe", "text": ""})
    assert (status, told["error"]["field"]) == (422, "kind")


def test_the_outputs_tell_what_a_backend_lacks(server: Server) -> None:
    status, told = server.call("GET", "/api/schema/outputs?backend=studio")
    assert status == 200
    found = {one["name"]: one["backend"] for one in told["outputs"]}
    assert found["silence_mp3"] == {"name": "studio", "can_run": True, "problems": []}
    missing = [one["value"] for one in found["acestep_instrumental"]["problems"] if one["kind"] == "missing_model"]
    assert missing == ["ace_step_v1_3.5b.safetensors"]
    assert server.call("GET", "/api/schema/outputs?backend=attic")[0] == 404
    _, plain = server.call("GET", "/api/schema/outputs")
    assert not any("backend" in one for one in plain["outputs"])


def test_what_was_imported_from_a_table_with_infinity_is_right(tmp_path: Path) -> None:
    odd = {"input": {"required": {"audio": ["AUDIO"], "x": ["FLOAT", {"default": float("nan"), "min": float("-inf")}]}}}
    table = {"Odd": {**odd, "output": ["AUDIO"], "output_node": False}}
    own, saved_table, file = tmp_path / "own", tmp_path / "nodes.json", tmp_path / "odd.json"
    saved_table.write_text(json.dumps(table))
    file.write_text(json.dumps(ODD))
    done = tonewright("import", str(file), "--table", str(saved_table), "--definitions", str(own))
    assert done.returncode == 0, done.stderr
    assert "Odd" in (own / "tables" / "odd.json").read_text()
    assert tonewright("lint", "--definitions", str(own)).stdout.strip() == "The definitions have no problem."
    (own / "tables" / "odd.json").write_bytes(b"\xff\xfe{")
    told = tonewright("lint", "--definitions", str(own))
    assert "tables/odd.json:1: cannot be read: this is UTF-16" in told.stdout
    assert told.stderr == ""
    shown = tonewright("doctor", "--definitions", str(own), "--exports", str(tmp_path / "exports"))
    assert "tables/odd.json:1: cannot be read" in shown.stdout
    assert shown.stderr == ""
