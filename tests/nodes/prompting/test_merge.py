"""Who may overwrite whom when briefs of several origins meet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.nodes.prompting.brief import BadValue, BriefValues
from devserver.nodes.prompting.complete import complete_brief, parse_text
from devserver.nodes.prompting.merge import lock_fields, merge
from devserver.nodes.prompting.read import read

TEXT = "slow funk in 3/4, a loop"
INVENTED = BriefValues.parse({"time_signature": "4/4", "bpm": 120, "genre": "rock", "key": "D major", "moods": ["sad"]})


def test_a_model_fills_what_the_words_leave_open_and_changes_nothing_that_they_say() -> None:
    said = read(TEXT)
    both = merge(said.readings, INVENTED, "llm", 0.8)
    assert {name: (both[name].value, both[name].origin) for name in ("time_signature", "genre", "key", "moods")} == {
        "time_signature": ("3/4", "user"),
        "genre": ("house", "parsed"),
        "key": ("D major", "llm"),
        "moods": (("sad",), "llm"),
    }
    assert both["bpm"] == said.readings["bpm"]
    assert both["moods"].spans == (None,)


def test_a_model_comes_before_a_guess_and_before_what_a_genre_usually_has() -> None:
    guessed = complete_brief(read("a saxophone in the rain"), "a saxophone in the rain").readings
    assert guessed["genre"].guessed
    both = merge(guessed, INVENTED, "llm", 0.8)
    assert (both["genre"].value, both["bpm"].value) == ("rock", 120)


def test_a_genre_default_never_overwrites() -> None:
    both = merge(read("house at 120 bpm").readings, BriefValues.parse({"bpm": 90}), "genre default", 0.3)
    assert both["bpm"].value == 120


@pytest.mark.parametrize(
    ("text", "lock", "key", "mode"),
    [
        ("in E major", {"key": "A minor"}, "A minor", "minor"),
        ("in E major", {"mode": "dorian"}, "E minor", "dorian"),
        ("in minor", {"key": "C major"}, "C major", "major"),
        ("in E major", {"key": "C major", "mode": "minor"}, "C major", "minor"),
    ],
)
def test_key_and_mode_stay_in_one_scale_and_locks_stay(text: str, lock: dict[str, str], key: str, mode: str) -> None:
    brief = parse_text(text, BriefValues.parse(lock))
    assert (brief.value("key"), brief.value("mode")) == (key, mode)


def test_a_model_may_not_turn_the_mode_that_was_asked_for() -> None:
    said = read("techno in minor")
    both = merge(said.readings, BriefValues.parse({"key": "D major"}), "llm", 0.8)
    assert complete_brief(replace(said, readings=both), "techno in minor").value("key") == "D minor"


def test_what_is_locked_is_stronger_than_all() -> None:
    held = lock_fields(read(TEXT), BriefValues.parse({"time_signature": "7/8", "format": "wav"}))
    both = merge(held.readings, INVENTED, "llm", 1.0)
    assert (both["time_signature"].value, both["format"].value) == ("7/8", "wav")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"bpm": 5}, "bpm"),
        ({"key": "H minor"}, "key"),
        ({"genre": "polkka"}, "genre"),
        ({"tempo": 120}, "tempo"),
        ({"moods": [""]}, "moods"),
        ([1], ""),
        ({"bpm": float("nan")}, "bpm"),
    ],
)
def test_values_that_no_brief_has_are_named(values: object, field: str) -> None:
    with pytest.raises(BadValue) as refused:
        BriefValues.parse(values)
    assert refused.value.field == field
