from __future__ import annotations

import json

import pytest

from devserver.llm import errors
from devserver.llm.answer import Shape, partial_text, read_answer


class Rewritten(Shape):
    text: str


@pytest.mark.parametrize(
    "said",
    [
        '{"text": "rain"}',
        '```json\n{"text": "rain"}\n```',
        'Sure! Here is your JSON:\n\n{"text": "rain", "mood": "blue"}\n\nDo you like it?',
        '<think>a {"text": "thought"} perhaps</think>{"text": "rain"}',
        'In {curly} words {} {"text": "rain"}',
    ],
)
def test_json_is_found_in_whatever_it_is_wrapped(said: str) -> None:
    assert read_answer(said, Rewritten, "tiny").text == "rain"


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("  \n", errors.EmptyAnswer, "said nothing."),
        ("<think>hm</think>", errors.EmptyAnswer, "but its thoughts"),
        ("<!DOCTYPE html><p>hi", errors.WebPage, "/v1"),
        ("A poem about rain.", errors.NotJson, "A poem about rain."),
        ("I'm sorry, but I can't assist with that.", errors.Declined, "declines"),
        ("Tut mir leid, dabei kann ich nicht helfen.", errors.Declined, "declines"),
        ('{"text": "I cannot help with that request."}', errors.Declined, "declines"),
        ('{"poem": "rain"}', errors.WrongShape, "text: Field required"),
        ('{"text": 5}', errors.WrongShape, "text"),
        ('["rain"]', errors.NotJson, "rain"),
        ('{"text": "rain', errors.NotJson, "rain"),
        ("[" * 5000 + "{" * 5000, errors.NotJson, "{"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_apart(said: str, error: type[errors.LlmError], words: str) -> None:
    with pytest.raises(error) as raised:
        read_answer(said, Rewritten, "tiny")
    assert raised.type is error
    assert "tiny" in raised.value.message
    assert words in raised.value.message or words in said


@pytest.mark.parametrize(
    "text", ["I'm sorry, I never loved you", "I can't help falling in love", "As an airplane flies"]
)
def test_a_song_may_say_sorry(text: str) -> None:
    assert read_answer(json.dumps({"text": text}), Rewritten, "tiny").text == text


def test_the_text_of_an_answer_grows_with_it() -> None:
    whole = json.dumps({"text": 'ein "Stück" \n für 🎺 \\ Ärzte'})
    steps = [partial_text(whole[:end], "text") for end in range(len(whole) + 1)]
    assert steps[-1] == json.loads(whole)["text"]
    assert all(steps[-1].startswith(step) for step in steps)
    assert len(set(steps)) > 20
