"""What the recorded refusals do not show."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.host.folders import Folders
from devserver.host.node_class import Table
from devserver.host.tables import load
from devserver.host.validate import Error, Verdict, validate


@pytest.fixture
def table(folders: Folders) -> Table:
    return load("stock", folders)


def graph(**inputs: Any) -> dict[str, Any]:
    empty = {"duration": 1.0, "sample_rate": 44100, "channels": 2} | inputs
    return {
        "1": {"class_type": "EmptyAudio", "inputs": empty},
        "2": {"class_type": "PreviewAudio", "inputs": {"audio": ["1", 0]}},
    }


def only_error(verdict: Verdict, node: str) -> Error:
    (error,) = verdict.node_errors[node]["errors"]
    return error


@pytest.mark.parametrize("value", ["nan", float("inf"), None, [1, 2, 3]])
def test_what_is_no_number_is_refused(table: Table, value: Any) -> None:
    verdict = validate(graph(duration=value), table)
    assert only_error(verdict, "1")["type"] in {"invalid_input_type", "bad_linked_input"}
    assert verdict.outputs == []


def test_values_are_converted_in_the_graph(table: Table) -> None:
    sent = graph(duration="1.5", sample_rate=44100.9)
    assert validate(sent, table).outputs == ["2"]
    assert sent["1"]["inputs"] == {"duration": 1.5, "sample_rate": 44100, "channels": 2}


def test_targets_limit_the_outputs(table: Table) -> None:
    sent = graph() | {"3": {"class_type": "PreviewAudio", "inputs": {"audio": ["1", 0]}}}
    assert validate(sent, table, ["3"]).outputs == ["3"]


def test_a_cycle_is_refused_without_end(table: Table) -> None:
    loop = {"class_type": "AudioAdjustVolume", "inputs": {"audio": ["1", 0], "volume": 1}}
    verdict = validate(graph() | {"1": loop}, table)
    assert verdict.error is not None
    assert verdict.outputs == []


def test_a_file_outside_the_folders_does_not_exist(table: Table) -> None:
    sent = graph() | {"1": {"class_type": "LoadAudio", "inputs": {"audio": "../../../etc/passwd"}}}
    assert only_error(validate(sent, table), "1")["type"] == "custom_validation_failed"
