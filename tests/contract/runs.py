"""Transcripts 01, 02, 05, 06 and 15: a prompt from its submission to its history, cached, failed or repeated."""

from __future__ import annotations

import re
from typing import Any

from tests.contract.live import Live, silence
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import entry_shape, event_shapes, shape, transcript

EXTRA = {"extra_pnginfo": {"workflow": {"note": "run-42"}}, "my_tag": "keepme"}


def _first_run_written() -> Record:
    written = transcript("01")
    first = {"connect": written["ws_on_connect"], "submit": written["submit"], "ws": written["ws"][1:]}
    again = written["same_again"]
    return {
        "first": first | _history(written["history"]),
        "again": {"submit": again["submit"], "ws": again["ws"]} | _history(again["history"]),
    }


def _history(answer: dict[str, Any]) -> dict[str, Any]:
    (entry,) = answer["body"].values()
    return {"history": answer, "entry": entry}


async def _first_run_played(live: Live) -> Record:
    graph = silence(live.seconds(), prefix=f"audio/{live.token}")
    async with live.ear() as ear:
        greeting = list(ear.events)
        first = await live.run_heard(ear, graph, extra_data=EXTRA)
        again = await live.run_heard(ear, graph)
    return {"first": {"connect": greeting, **first}, "again": again}


FIRST_RUN = Scenario("first run", _first_run_written, _first_run_played)


async def check_order_of_events(subject: Subject) -> None:
    """01: the whole order of a run of two nodes, each message with its keys and types."""
    played, written = await subject.record(FIRST_RUN), FIRST_RUN.transcript()
    assert event_shapes(played["first"]["connect"]) == event_shapes(written["first"]["connect"])
    assert event_shapes(played["first"]["ws"]) == event_shapes(written["first"]["ws"])


async def check_submitted(subject: Subject) -> None:
    """01: the answer to an accepted prompt."""
    played, written = await subject.record(FIRST_RUN), FIRST_RUN.transcript()
    got, expected = played["first"]["submit"], written["first"]["submit"]
    assert (got["status"], got["content_type"]) == (expected["status"], expected["content_type"])
    assert shape(got["body"]) == shape(expected["body"])
    assert got["body"]["node_errors"] == {}
    assert played["again"]["submit"]["body"]["number"] > got["body"]["number"]


async def check_history(subject: Subject) -> None:
    """01: the entry of a finished prompt, with what the client sent along."""
    played, written = await subject.record(FIRST_RUN), FIRST_RUN.transcript()
    got = played["first"]["entry"]
    assert entry_shape(got) == entry_shape(written["first"]["entry"])
    assert got["status"]["status_str"] == "success"
    assert got["status"]["completed"] is True
    assert got["prompt"][1] == played["first"]["submit"]["body"]["prompt_id"]
    assert got["prompt"][3].items() >= EXTRA.items()
    assert got["prompt"][4] == ["2"]
    assert got["outputs"] == _executed(played["first"]["ws"])
    assert set(got["meta"]) == set(got["outputs"])


def _executed(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {event["data"]["node"]: event["data"]["output"] for event in events if event.get("type") == "executed"}


async def check_named_file(subject: Subject) -> None:
    """01: a save node's answer: the key, the counter, the sub-folder."""
    played = await subject.record(FIRST_RUN)
    output = played["first"]["entry"]["outputs"]["2"]
    assert set(output) == {"audio"}
    (file,) = output["audio"]
    assert re.fullmatch(r"\w+_00001_\.mp3", file["filename"])
    assert (file["subfolder"], file["type"]) == ("audio", "output")


async def check_one_prompt_only(subject: Subject) -> None:
    """01: every message of a run carries the id of its prompt."""
    played = await subject.record(FIRST_RUN)
    for run in played.values():
        ids = {event["data"].get("prompt_id") for event in run["ws"] if event["type"] != "status"}
        assert ids == {run["submit"]["body"]["prompt_id"]}


async def check_cached_run(subject: Subject) -> None:
    """01: the same graph again: no node runs, the answer names the old file."""
    played, written = await subject.record(FIRST_RUN), FIRST_RUN.transcript()
    again = played["again"]
    assert event_shapes(again["ws"]) == event_shapes(written["again"]["ws"])
    assert entry_shape(again["entry"]) == entry_shape(written["again"]["entry"])
    (cached,) = [event["data"]["nodes"] for event in again["ws"] if event["type"] == "execution_cached"]
    assert cached == ["1", "2"]
    assert again["entry"]["outputs"] == played["first"]["entry"]["outputs"] == _executed(again["ws"])


def _cache_written() -> Record:
    written = transcript("06")
    names = ("same_audio_other_prefix", "rerun_after_other_prompt", "same_graph_other_node_ids")
    return {name: {key: written[name][key] for key in ("outputs", "messages")} for name in names}


async def _cache_played(live: Live) -> Record:
    def graph(ids: list[str], prefix: str, seconds: float) -> dict[str, Any]:
        one, two, three = ids
        made = silence(seconds, prefix=f"cache/{prefix}{live.token}")
        volume = {"class_type": "AudioAdjustVolume", "inputs": {"audio": [one, 0], "volume": -6}}
        made["2"]["inputs"]["audio"] = [two, 0]
        return {one: made["1"], two: volume, three: made["2"]}

    seconds, other = live.seconds(), live.seconds()
    await live.run(graph(["1", "2", "3"], "first", seconds))
    same_audio = await live.run(graph(["1", "2", "3"], "other", seconds))
    await live.run(graph(["1", "2", "3"], "foreign", other))
    rerun = await live.run(graph(["1", "2", "3"], "other", seconds))
    renamed = await live.run(graph(["a", "b", "c"], "other", seconds))
    runs = {
        "same_audio_other_prefix": same_audio,
        "rerun_after_other_prompt": rerun,
        "same_graph_other_node_ids": renamed,
    }
    return {
        name: {"outputs": run["entry"]["outputs"], "messages": run["entry"]["status"]["messages"]}
        for name, run in runs.items()
    }


CACHE = Scenario("cache", _cache_written, _cache_played)


async def check_cache_of_last_prompt(subject: Subject) -> None:
    """06: only the last prompt's results are kept, by what made them and not by node id."""
    played, written = await subject.record(CACHE), CACHE.transcript()
    cached = {name: _cached(run) for name, run in played.items()}
    assert cached == {name: _cached(run) for name, run in written.items()}
    assert cached["rerun_after_other_prompt"] == []
    files = {name: next(iter(run["outputs"].values())) for name, run in played.items()}
    assert files["same_graph_other_node_ids"] == files["rerun_after_other_prompt"]
    assert shape(played) == shape(written)


def _cached(run: dict[str, Any]) -> Any:
    return next(data["nodes"] for event, data in run["messages"] if event == "execution_cached")


def _counters_written() -> Record:
    first, second, third, *_, flac = transcript("06")["counters"]
    return {"names": [first, second, third], "other_extension": flac.split(": ")[1].replace("00002", "00004")}


async def _counters_played(live: Live) -> Record:
    names = []
    for save in ("SaveAudioMP3",) * 3 + ("SaveAudio",):
        run = await live.run(silence(live.seconds(), save, prefix=f"{live.token}/cnt"))
        names.append(run["entry"]["outputs"]["2"]["audio"][0]["filename"])
    return {"names": names[:3], "other_extension": names[3]}


COUNTERS = Scenario("counters", _counters_written, _counters_played)


async def check_counters(subject: Subject) -> None:
    """06: the counter is one more than the highest of its prefix, over all extensions."""
    assert await subject.record(COUNTERS) == COUNTERS.transcript()


def _failures_written() -> Record:
    recorded = transcript("05")["runtime_error"]
    (failed,) = recorded["history"]["body"].values()
    (escaped,) = transcript("02")["history_of_escape"]["body"].values()
    unlinked = transcript("15")["string_ref_runtime"]
    (format_,) = [transcript("15")["v3_combo_bad_value"]]
    return {
        "ws": recorded["ws"],
        "failed": failed,
        "escaped": escaped,
        "unlinked": {key: unlinked[key] for key in ("outputs", "status")},
        "unknown format": {key: format_[key] for key in ("outputs", "status")},
    }


async def _failures_played(live: Live) -> Record:
    failing = silence(live.seconds())
    nothing = {"audio": ["1", 0], "start_index": 0.0, "duration": 0.0}
    failing["3"] = {"class_type": "TrimAudioDuration", "inputs": nothing}
    failing["2"]["inputs"]["audio"] = ["3", 0]
    failed = await live.run(failing)
    seconds = live.seconds()
    await live.run(silence(seconds))
    escaped = await live.run(silence(seconds, prefix="../../evil"))  # only the save node is new, as in the transcript
    unlinked = await live.run(
        {"2": silence(1)["2"] | {"inputs": {"audio": "hello", "filename_prefix": "x", "quality": "V0"}}}
    )
    film = transcript("15")["v3_combo_bad_value"]["submit"]["request"]["json"]["prompt"]
    unknown = await live.run(film)
    return {
        "ws": failed["ws"],
        "failed": failed["entry"],
        "escaped": escaped["entry"],
        "unlinked": {key: unlinked["entry"][key] for key in ("outputs", "status")},
        "unknown format": {key: unknown["entry"][key] for key in ("outputs", "status")},
    }


FAILURES = Scenario("failures", _failures_written, _failures_played)


async def check_failed_run(subject: Subject) -> None:
    """05: a node that fails ends the run with its report; nothing after it runs."""
    played, written = await subject.record(FAILURES), FAILURES.transcript()
    assert entry_shape(played["failed"]) | {"extra": 0} == entry_shape(written["failed"]) | {"extra": 0}
    assert event_shapes(played["ws"][-3:]) == event_shapes(written["ws"][-3:])
    status = played["failed"]["status"]
    assert (status["status_str"], status["completed"], played["failed"]["outputs"]) == ("error", False, {})
    event, report = status["messages"][-1]
    assert event == "execution_error"
    assert report["executed"] == ["1"]
    assert report["exception_type"]
    assert report["exception_message"].endswith("\n")


async def check_failures_at_run_time(subject: Subject) -> None:
    """02, 15: a prefix that leaves the folder, a text for a link, an unknown container: accepted, then failed."""
    played, written = await subject.record(FAILURES), FAILURES.transcript()
    for name in ("escaped", "unlinked", "unknown format"):
        got, expected = played[name], written[name]
        assert shape(got["status"]) == shape(expected["status"]), name
        assert got["outputs"] == {}, name
        assert got["status"]["messages"][-1][0] == "execution_error", name
    report, recorded = (each["unknown format"]["status"]["messages"][-1][1] for each in (played, written))
    for key in ("node_id", "node_type", "exception_message", "exception_type"):
        assert report[key] == recorded[key]


CHECKS = (
    check_order_of_events,
    check_submitted,
    check_history,
    check_named_file,
    check_one_prompt_only,
    check_cached_run,
    check_cache_of_last_prompt,
    check_counters,
    check_failed_run,
    check_failures_at_run_time,
)
