"""Transcripts 02 and 15: what is refused before it runs and how, and what is accepted though it looks wrong."""

from __future__ import annotations

from typing import Any

from tests.contract.live import Live
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import transcript

# Recorded with a name that the transcript does not keep, or answered by something else than POST /prompt.
NOT_REPLAYED = {"prefix_absolute"}


def _requests() -> dict[str, dict[str, Any]]:
    """Every recorded POST /prompt of transcript 02, and the refused ones of 15 that need no other node classes."""
    requests = {
        name: answer
        for name, answer in transcript("02").items()
        if answer.get("request", {}).get("path") == "/prompt" and name not in NOT_REPLAYED
    }
    later = transcript("15")
    return requests | {name: later[name]["submit"] for name in ("v3_default_omitted", "v1_default_omitted")}


def _written() -> Record:
    keys = ("status", "content_type", "body")
    answers = {name: {key: answer[key] for key in keys} for name, answer in _requests().items()}
    raw = transcript("02")["not_json"]
    return answers | {"not_json": {"status": raw["status"], "content_type": raw["ct"], "body": raw["body"]}}


async def _played(live: Live) -> Record:
    answers = {}
    for name, recorded in _requests().items():
        answers[name] = await live.ask("POST", "/prompt", json=recorded["request"]["json"])
    answers["not_json"] = await live.ask("POST", "/prompt", data=b"{not json")
    return answers


REFUSALS = Scenario("refusals", _written, _played)


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what differs from run to run: ids, traces, and the order in which inputs are looked at."""
    body = answer["body"]
    if isinstance(body, dict):
        body = _without(body)
    return {"status": answer["status"], "content_type": answer["content_type"], "body": body}


def _without(value: Any) -> Any:
    if isinstance(value, list):
        items = [_without(item) for item in value]
        return sorted(items, key=str) if all(isinstance(item, dict) for item in items) else items
    if not isinstance(value, dict):
        return value
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if key in {"prompt_id", "traceback"}:
            plain[key] = type(item).__name__
        elif key == "number":
            plain[key] = "number"
        elif key == "details":
            plain[key] = sorted(item.split("\n"))
        else:
            plain[key] = _without(item)
    return plain


async def check_refusals(subject: Subject) -> None:
    """02, 15: status, type, message, details and node_errors of every recorded submission, word for word."""
    played, written = await subject.record(REFUSALS), REFUSALS.transcript()
    for name, expected in written.items():
        assert _plain(played[name]) == _plain(expected), name


async def check_reason_is_given(subject: Subject) -> None:
    """02: where a node's value is wrong, node_errors names the node, the input, the value and what is allowed."""
    played = await subject.record(REFUSALS)
    (error,) = played["combo_value_not_in_list"]["body"]["node_errors"]["2"]["errors"]
    assert error["extra_info"]["input_name"] == "quality"
    assert error["extra_info"]["received_value"] == "999k"
    assert error["extra_info"]["input_config"][0] == ["V0", "128k", "320k"]
    partly = played["partial_failure_one_of_two_outputs_valid"]
    assert (partly["status"], set(partly["body"]["node_errors"])) == (200, {"3"})


async def check_ids_and_numbers(subject: Subject) -> None:
    """02: a client's own prompt id is kept, its number too, and `front` turns the number around."""
    played = await subject.record(REFUSALS)
    assert played["client_chosen_prompt_id"]["body"]["prompt_id"] == "my-own-id-1"
    assert played["number_given"]["body"]["number"] == -5.5
    assert played["front_true"]["body"]["number"] < 0


CHECKS = (check_refusals, check_reason_is_given, check_ids_and_numbers)
