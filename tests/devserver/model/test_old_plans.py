"""Plans of earlier versions, in queued runs and old exports, are read as plans of today."""

from __future__ import annotations

from typing import Any

from devserver.model.old_plans import modern

TEXT = {"name": "safety_input", "kind": "text", "text": {"step": "safety"}, "output": None, "skip": "off", "source": ""}
SONG = {"name": "generation", "kind": "graph", "text": None, "output": {"config": "song"}, "skip": ""}
MORE = {"name": "generation_2", "kind": "graph", "text": None, "output": {"config": "hush"}, "skip": "", "source": ""}
MP3 = {"name": "generation_2_mp3", "kind": "graph", "output": {"config": "convert"}, "source": "generation_2"}


def stages(*steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [stage for step in modern({"steps": [*steps]})["steps"] for stage in step]


def test_a_text_stage_says_what_it_does_to_the_text() -> None:
    (checks,) = stages([TEXT])
    assert checks == {
        "name": "safety_input",
        "kind": "text",
        "skip": "off",
        "on_text": "checks",
        "work": {"chunk": {"step": "safety"}},
    }
    (changes,) = stages([{**TEXT, "text": {"step": "translation"}}])
    assert changes["on_text"] == "changes"


def test_what_made_other_formats_reads_from_the_stage_and_belongs_to_its_output() -> None:
    song, more, mp3 = stages([SONG, MORE], [MP3])
    assert song["output"] == {"config": "song", "number": 1, "asked": True}
    assert (more["output"]["number"], more["inputs"]) == (2, {})
    assert mp3["output"] == {"config": "convert", "number": 2, "asked": False}
    assert mp3["inputs"] == {"audio": "generation_2.main"}


def test_a_plan_of_today_stays_as_it_is() -> None:
    plan = {"steps": [[{"name": "x", "kind": "signature", "work": {"name": "Ada"}}]]}
    assert modern(plan) == plan
