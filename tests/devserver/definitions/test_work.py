"""What the importing process answers to its one line, without the process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.build import SHIPPED
from devserver.definitions import work
from devserver.definitions.work import answer
from schemas.limits import BYTES

MIB = 1 << 20
SILENCE = {
    "1": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0, "sample_rate": 44100, "channels": 2}},
    "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "x"}},
}
CLASSES = {
    "EmptyAudio": {
        "input": {"required": {"duration": ["FLOAT", {}], "sample_rate": ["INT", {}], "channels": ["INT", {}]}},
        "output": ["AUDIO"],
    },
    "SaveAudio": {
        "input": {"required": {"audio": ["AUDIO"], "filename_prefix": ["STRING", {}]}},
        "output": [],
        "output_node": True,
    },
}


def ask(**changes: Any) -> Any:
    job: dict[str, Any] = {
        "name": "x",
        "origin": "a test",
        "folders": [str(SHIPPED)],
        "graph": SILENCE,
        "live": CLASSES,
    }
    return answer(json.dumps({**job, "path": None, "filename": None, **changes}).encode(), 64 * MIB)


def refusal(**changes: Any) -> Any:
    reply = ask(**changes)
    assert list(reply) == ["refused"]
    return reply["refused"]


def test_a_graph_becomes_files_that_json_can_carry() -> None:
    made = ask()["made"]
    assert {"graphs/x.json", "chunks/x.yaml"} <= set(made["files"])
    assert json.loads(json.dumps(made)) == made


def test_nodes_that_nobody_knows_are_named() -> None:
    refused = refusal(folders=[], live={"EmptyAudio": CLASSES["EmptyAudio"]})
    assert (refused["absent"], refused["no_graph"]) == (["SaveAudio"], False)


def test_a_file_without_a_graph_is_told_apart_from_a_graph_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello")
    refused = refusal(graph=None, path=str(tmp_path / "a"), filename="words.txt")
    assert (refused["no_graph"], "words.txt holds no graph" in refused["message"]) == (True, True)


def test_a_limit_that_is_exceeded_is_told_with_its_unit_and_by_what(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"{" + b" " * BYTES.most)
    refused = refusal(graph=None, path=str(tmp_path / "a"), filename="long.json")
    assert refused["excess"] == {"unit": BYTES.unit, "most": BYTES.most, "value": BYTES.most + 1}


@pytest.mark.parametrize(
    ("error", "message"),
    [(MemoryError, "reading it takes more than 64 MiB of memory"), (RecursionError, "it is nested too deeply")],
)
def test_what_takes_too_much_is_refused_and_not_a_crash(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], message: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(work, "import_graph", fail)
    assert refusal()["message"] == message
