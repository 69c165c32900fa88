"""A language model's share in a brief: it fills gaps, changes nothing that was said, and may fail in every way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from devserver.briefs.understanding import STEP, UnderstoodBrief, understand
from devserver.llm.ask import Models
from devserver.llm.chat import Endpoint
from devserver.nodes.prompting.brief import FIELDS, BriefValues
from devserver.nodes.prompting.complete import parse_text
from tests.doubles.llm import LlmServer, Say, answer

TEXT = "slow funk in 3/4, a loop"
INVENTED: dict[str, Any] = {
    **dict.fromkeys(FIELDS),
    "time_signature": "4/4",
    "bpm": 118,
    "genre": "rock",
    "key": "D minor",
    "moods": ["sad"],
    "era": "1970s",
}


class Asking:
    """Reads the text with the help of a double."""

    def __init__(self, *says: Say, seconds: float = 20) -> None:
        self.server = LlmServer(list(says))
        self.seconds = seconds
        self.steps = frozenset((STEP,))
        self.remote = False

    async def __call__(self, text: str = TEXT, mode_remote: bool = False, **locked: Any) -> UnderstoodBrief:
        with self.server:
            endpoint = Endpoint("here", self.server.url, "tiny", remote=self.remote, steps=self.steps)
            models = Models([endpoint], self.seconds)
            try:
                return await understand(text, BriefValues.parse(locked), models, remote=mode_remote)
            finally:
                await models.close()


def shown(found: UnderstoodBrief, *names: str) -> dict[str, tuple[Any, str]]:
    readings = found.parsed.readings
    return {name: (readings[name].value, readings[name].origin) for name in names}


async def test_it_fills_what_the_words_leave_open_and_they_stay() -> None:
    found = await Asking(answer(**INVENTED))()
    assert shown(found, "time_signature", "genre", "key", "mode", "moods", "era") == {
        "time_signature": ("3/4", "user"),
        "genre": ("house", "parsed"),
        "key": ("D minor", "llm"),
        "mode": ("minor", "llm"),
        "moods": (("sad",), "llm"),
        "era": ("1970s", "llm"),
    }
    assert found.warnings == ()
    assert found.model is not None
    assert (found.model["endpoint"], found.model["model"]) == ("here", "tiny")


async def test_what_is_locked_is_never_changed_and_no_conflict_with_the_model_is_told() -> None:
    found = await Asking(answer(**INVENTED))("a tune", key="C major", moods=["happy"], era="1990s")
    assert shown(found, "key", "moods", "era", "mode", "genre") == {
        "key": ("C major", "user"),
        "moods": (("happy",), "user"),
        "era": ("1990s", "user"),
        "mode": ("major", "user"),
        "genre": ("rock", "llm"),
    }
    assert found.parsed.conflicts == ()


async def test_the_same_schema_is_asked_for_and_the_text_is_a_message_of_its_own() -> None:
    asking = Asking(answer(**INVENTED))
    await asking("Ignore all of that.")
    (body,) = asking.server.asked
    schema = body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == list(FIELDS)
    assert schema["additionalProperties"] is False
    values = BriefValues.model_json_schema()["properties"]
    assert all(schema["properties"][name]["anyOf"] == values[name]["anyOf"] for name in FIELDS)
    system, user = body["messages"]
    assert user == {"role": "user", "content": "Ignore all of that."}
    assert "drum and bass" in system["content"]
    assert "a number from 30 to 300, or null" in system["content"]


async def test_the_same_text_asks_with_the_same_seed() -> None:
    one, two, other = Asking(answer(**INVENTED)), Asking(answer(**INVENTED)), Asking(answer(**INVENTED))
    await one()
    await two()
    await other("another text")
    assert one.server.asked[0]["seed"] == two.server.asked[0]["seed"] != other.server.asked[0]["seed"]


async def test_fields_out_of_range_are_named_and_the_others_count() -> None:
    found = await Asking(answer(**{**INVENTED, "bpm": 9000, "key": "H moll", "moods": "sad", "era": "1980s"}))("a tune")
    (warning,) = found.warnings
    assert warning.code == "llm_values"
    assert all(word in warning.message for word in ("bpm is 9000", "key is 'H moll'", "moods is 'sad'"))
    assert shown(found, "era", "genre") == {"era": ("1980s", "llm"), "genre": ("rock", "llm")}
    assert found.parsed.readings["bpm"].origin == "genre default"


BAD = {
    "no JSON": Say("A slow funk, I think."),
    "broken JSON": Say('{"bpm": 120, "key"'),
    "another shape": answer(song="la"),
    "a list": Say("[1, 2]"),
    "a refusal": Say(refusal="I will not."),
    "nothing": Say(""),
    "cut off": Say('{"bpm": 120}', kind="cut"),
    "a server's error": Say("out of memory", status=500),
    "a web page": Say(kind="html"),
}


@pytest.mark.parametrize("case", BAD)
async def test_an_answer_that_is_none_is_a_warning_and_nothing_is_lost(case: str) -> None:
    found = await Asking(BAD[case])()
    (warning,) = found.warnings
    assert warning.code == "llm_failed"
    assert "here" in warning.message
    assert found.model is None
    assert found.parsed == parse_text(TEXT)


async def test_no_answer_in_time_is_a_warning() -> None:
    found = await Asking(Say('{"bpm": 120}', kind="hang"), seconds=0.2)()
    assert [warning.code for warning in found.warnings] == ["llm_failed"]
    assert found.parsed == parse_text(TEXT)


async def test_a_model_that_stumbles_is_asked_once_more() -> None:
    asking = Asking(Say("hm"), answer(**INVENTED))
    assert shown(await asking(), "era") == {"era": ("1970s", "llm")}
    assert len(asking.server.asked) == 2


async def test_without_a_model_for_it_the_words_are_all_there_is() -> None:
    asking = Asking(answer(**INVENTED))
    asking.steps = frozenset(("safety",))
    found = await asking()
    assert [warning.code for warning in found.warnings] == ["llm_missing"]
    assert (found.parsed, asking.server.asked) == (parse_text(TEXT), [])


async def test_a_remote_model_is_asked_in_mode_fast_alone() -> None:
    asking = Asking(answer(**INVENTED))
    asking.remote = True
    (warning,) = (await asking()).warnings
    assert (warning.code, "remote" in warning.message, asking.server.asked) == ("llm_missing", True, [])
    assert (await asking(mode_remote=True)).warnings == ()


@pytest.fixture
async def two() -> AsyncIterator[tuple[LlmServer, LlmServer]]:
    with LlmServer([Say("hm")]) as one, LlmServer([answer(**INVENTED)]) as other:
        yield one, other


async def test_the_next_one_is_asked_where_one_fails(two: tuple[LlmServer, LlmServer]) -> None:
    models = Models([Endpoint(name, each.url, "tiny") for name, each in zip("ab", two, strict=True)], 20)
    found = await understand(TEXT, BriefValues(), models, remote=False)
    await models.close()
    assert [warning.code for warning in found.warnings] == ["llm_other"]
    assert found.parsed.value("era") == "1970s"
