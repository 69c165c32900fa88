from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.host.conftest import Bench


def save(prefix: str = "x", seconds: float = 0.1) -> dict[str, Any]:
    empty = {"duration": seconds, "sample_rate": 44100, "channels": 2}
    return {
        "1": {"class_type": "EmptyAudio", "inputs": empty},
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": prefix}},
    }


def probe(kind: str, seed: int = 0) -> dict[str, Any]:
    return {"1": {"class_type": kind, "inputs": {"seed": seed}}}


def kinds(bench: Bench) -> list[str]:
    return [event for event, _ in bench.events]


def test_cached_answer_names_the_old_file_even_when_it_is_gone(bench: Bench) -> None:
    first = bench.run(save())
    file = bench.saved(first["2"]["audio"][0])
    file.unlink()
    assert bench.run(save()) == first
    assert not file.exists()


def test_pieces_are_deleted_when_nobody_fetches_them_any_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run(probe("ProbePieces", 1))
    pieces = [bench.saved(data["file"]) for event, data in bench.events if event == "tonewright.partial"]
    bench.run(probe("ProbePieces", 2))
    assert [path.exists() for path in pieces] == [True, True]
    monkeypatch.setattr("devserver.host.executor.TEMPORARY_FILE_SECONDS", 0.0)
    bench.run(probe("ProbeCounts"))
    assert not list(bench.folders.temp.rglob("*.wav"))


def test_only_the_last_prompt_is_cached(bench: Bench) -> None:
    bench.run(save("a"))
    bench.run(save("b", seconds=0.2))
    bench.run(save("a"))
    assert bench.events[1] == ("execution_cached", {"nodes": [], "prompt_id": "p"})


def test_a_file_that_changed_under_its_name_is_read_again(bench: Bench) -> None:
    made = bench.saved(bench.run(save())["2"]["audio"][0])
    (bench.folders.input / "in.flac").write_bytes(made.read_bytes())
    graph = {
        "1": {"class_type": "LoadAudio", "inputs": {"audio": "in.flac"}},
        "2": {"class_type": "PreviewAudio", "inputs": {"audio": ["1", 0]}},
    }
    bench.run(graph)
    longer = bench.saved(bench.run(save(seconds=0.3))["2"]["audio"][0])
    bench.run(graph)
    (bench.folders.input / "in.flac").write_bytes(longer.read_bytes())
    bench.run(graph)
    assert bench.events[1][1]["nodes"] == []


def test_counter_goes_on_after_the_highest_of_its_prefix(bench: Bench) -> None:
    names = [bench.run(save("d/x", seconds))["2"]["audio"][0]["filename"] for seconds in (0.1, 0.2, 0.3)]
    assert names == ["x_00001_.flac", "x_00002_.flac", "x_00003_.flac"]
    (bench.folders.output / "d" / "x_00002_.flac").unlink()
    assert bench.run(save("d/x", 0.4))["2"]["audio"][0]["filename"] == "x_00004_.flac"


@pytest.mark.parametrize("prefix", ["../evil", "a/../../evil", "/evil/x"])
def test_a_prefix_that_leads_out_fails_the_run(bench: Bench, prefix: str, tmp_path: Path) -> None:
    bench.attempt(save(prefix))
    event, report = bench.events[-1]
    assert event == "execution_error"
    assert "leads out of the folder output" in report["exception_message"]
    assert not list(tmp_path.glob("**/*evil*"))


def test_a_node_object_serves_one_call(bench: Bench) -> None:
    for seed in (1, 2, 3):
        assert bench.run(probe("ProbeCounts", seed))["1"]["calls"] == [1]


@pytest.mark.parametrize("word", [0, 1, 2, 3])
def test_what_json_cannot_hold_ends_as_an_error(bench: Bench, word: int) -> None:
    assert bench.attempt(probe("ProbeSays", word)) == {}
    assert bench.events[-1][0] == "execution_error"
    assert "ui" in bench.events[-1][1]["exception_message"]


def test_plain_words_pass(bench: Bench) -> None:
    assert bench.run(probe("ProbeSays", 4)) == {"1": {"word": [1.0]}}


def test_a_node_cannot_write_into_its_input(bench: Bench) -> None:
    graph = save()
    graph["2"] = {"class_type": "ProbeWrites", "inputs": {"audio": ["1", 0]}}
    bench.attempt(graph)
    assert "read-only" in bench.events[-1][1]["exception_message"]


def test_a_list_output_calls_the_next_node_once_per_item(bench: Bench) -> None:
    graph = probe("ProbeList", 5) | {"2": {"class_type": "ProbeCounts", "inputs": {"seed": ["1", 0]}}}
    assert bench.run(graph) == {"2": {"calls": [1, 1, 1], "seed": [5, 6, 7]}}


def test_a_node_that_is_never_the_same_runs_again(bench: Bench) -> None:
    bench.run(probe("ProbeAlways"))
    bench.run(probe("ProbeAlways"))
    assert "executing" in kinds(bench)


def test_progress_is_told_at_most_ten_times_a_second(bench: Bench) -> None:
    bench.run(probe("ProbeFast"))
    told = [data for event, data in bench.events if event == "progress"]
    assert len(told) < 100  # of ten thousand
    assert (told[-1]["value"], told[-1]["max"]) == (10_000, 10_000)


def test_cancel_stops_a_node_at_its_next_step(bench: Bench) -> None:
    bench.executor.cancel("p")
    bench.attempt(probe("ProbeBusy"))
    event, told = bench.events[-1]
    assert event == "execution_interrupted"
    assert (told["node_id"], told["node_type"], told["executed"]) == ("1", "ProbeBusy", [])


def test_a_cancel_that_a_node_swallows_is_lost(bench: Bench) -> None:
    graph = probe("ProbeSwallows") | {"2": {"class_type": "ProbeCounts", "inputs": {"seed": 0}}}
    first = bench.executor.emit

    def cancel_at_progress(event: str, data: dict[str, Any]) -> None:
        if event == "progress":
            bench.executor.cancel("p")
        first(event, data)

    bench.executor.emit = cancel_at_progress
    bench.run(graph)
    assert [data["node"] for event, data in bench.events if event == "executing"] == ["1", "2"]


def test_a_cancel_of_another_prompt_does_not_count(bench: Bench) -> None:
    bench.executor.cancel("another")
    bench.run(save())


def test_the_first_output_comes_before_the_second(bench: Bench) -> None:
    graph = save("a")
    graph["3"] = {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "b"}}
    bench.run(graph)
    assert [data["node"] for event, data in bench.events if event == "executing"] == ["1", "2", "3"]
