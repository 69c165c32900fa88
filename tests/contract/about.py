"""Transcript 05 and the recorded node table: what a subject says about itself, and whom it answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from tests.contract.live import Live
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import TRANSCRIPTS, shape, transcript

TABLE = "object_info_trimmed"

# The recording is a ComfyUI's; a host of ours says more about what shapes its numbers.
MORE_OF_OURS = frozenset({"table", "packages", "cpu", "cpu_features"})


def _about_written() -> Record:
    written = transcript("05")
    plain = ("system_stats", "object_info_unknown", "api_prefix", "free")
    record: Record = {name: {key: written[name][key] for key in ("status", "body")} for name in plain}
    record |= {name: written[name]["status"] for name in ("free_empty_body", "origin_mismatch", "origin_other_port")}
    record["options_preflight"] = written["options_preflight"]["status"]
    record["classes"] = json.loads((TRANSCRIPTS / f"{TABLE}.json").read_text())
    return record


async def _about_played(live: Live) -> Record:
    port = urlsplit(live.base_url).port or 80
    record: Record = {
        "system_stats": await live.ask("GET", "/system_stats"),
        "object_info_unknown": await live.ask("GET", "/object_info/Nope"),
        "api_prefix": await live.ask("GET", "/api/queue"),
        "free": await live.ask("POST", "/free", json={"unload_models": True, "free_memory": True}),
    }
    elsewhere = {"Origin": "http://evil.example"}
    neighbour = {"Origin": f"http://127.0.0.1:{port + 1}"}
    record["free_empty_body"] = (await live.ask("POST", "/free"))["status"]
    record["origin_mismatch"] = (await live.ask("GET", "/queue", headers=elsewhere))["status"]
    record["origin_other_port"] = (await live.ask("GET", "/queue", headers=neighbour))["status"]
    record["options_preflight"] = (await live.ask("OPTIONS", "/prompt", headers=elsewhere))["status"]
    every = (await live.ask("GET", "/object_info"))["body"]
    record["classes"] = {name: trimmed(every[name]) for name in _about_written()["classes"]}
    one = (await live.ask("GET", "/object_info/EmptyAudio"))["body"]
    record["one_class"] = one == {"EmptyAudio": every["EmptyAudio"]}
    return record


ABOUT = Scenario("about", _about_written, _about_played)


def trimmed(info: dict[str, Any]) -> dict[str, Any]:
    """A class's entry of /object_info in the form of the recorded table: no help texts, one style of combo."""
    inputs: dict[str, Any] = {}
    for category, named in info["input"].items():
        inputs[category] = (
            sorted(named) if category == "hidden" else {name: _input(*each) for name, each in named.items()}
        )
    kept = {key: info[key] for key in ("category", "output_node", "output", "output_name")}
    return kept | {"input": inputs}


def _input(kind: Any, options: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {key: value for key, value in (options or {}).items() if key not in {"tooltip", "display", "multiselect"}}
    if isinstance(kind, list):
        return {"type": "COMBO", "options": kind, **told}
    return {"type": kind, **told}


def _comparable(table: dict[str, Any]) -> dict[str, Any]:
    """Lists of files depend on what lies in a folder; the order of hidden inputs means nothing."""
    for entry in table.values():
        for spec in entry["input"]["required"].values():
            if "audio_upload" in spec:
                spec["options"] = []
        if "hidden" in entry["input"]:
            entry["input"]["hidden"] = sorted(entry["input"]["hidden"])
    return table


async def check_classes(subject: Subject) -> None:
    """The stand-ins have ComfyUI's inputs, with its types, bounds and defaults."""
    played, written = await subject.record(ABOUT), ABOUT.transcript()
    got = _comparable(played["classes"])
    for name, expected in _comparable(written["classes"]).items():
        assert got[name] == expected, name
    assert played.get("one_class", True)
    assert played["object_info_unknown"]["body"] == {}


async def check_system_stats(subject: Subject) -> None:
    """05: the machine, and the versions of what runs on it."""
    played, written = await subject.record(ABOUT), ABOUT.transcript()
    got, expected = (shape(each["system_stats"]["body"]) for each in (played, written))
    got["system"] = {key: value for key, value in got["system"].items() if key not in MORE_OF_OURS}
    assert got == expected


async def check_plain_answers(subject: Subject) -> None:
    """05: every route also under /api; /free with and without a body."""
    played, written = await subject.record(ABOUT), ABOUT.transcript()
    assert played["api_prefix"]["body"] == written["api_prefix"]["body"]
    assert played["free"]["status"] == written["free"]["status"]
    assert played["free_empty_body"] == written["free_empty_body"]


async def check_pages_from_elsewhere(subject: Subject) -> None:
    """05: a page of another origin is turned away, whatever it asks."""
    played, written = await subject.record(ABOUT), ABOUT.transcript()
    for name in ("origin_mismatch", "origin_other_port", "options_preflight"):
        assert played[name] == written[name], name


CHECKS = (check_classes, check_system_stats, check_plain_answers, check_pages_from_elsewhere)
