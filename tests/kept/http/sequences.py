"""What takes several requests: waiting, the same again, streams that are taken up again, sessions, wrong keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.doubles.together import until
from tests.kept.http.asks import GRAPH
from tests.kept.http.shown import kept
from tests.kept.http.world import ADMIN, SILENCE, STRANGER, TAKE, TEXT, USER, Place, Said, World, messages

EXECUTE: Final = "/api/schema/pipeline/execute"
AGAIN: Final = {"Idempotency-Key": "the-same"}


def record(world: World) -> Iterator[tuple[str, Any]]:
    keyed = world.places[0]
    for place in world.places:  # nothing waits from here on; each sequence holds the queue for itself
        place.ask(ADMIN, "POST", "/api/queue/resume")
    for sequence in (_preferring, _the_same_again, _taken_up_again, _heard_as_it_goes, _answered_by_a_stream, _session):
        steps = {title: kept(keyed, said) for title, said in sequence(keyed)}
        yield f"sequences/{sequence.__name__.strip('_')}", steps
    yield "sequences/too_many_wrong_keys", [kept(keyed, said) for said in _wrong_keys(keyed)]


Steps = Iterator[tuple[str, Said]]


def _post(place: Place, path: str, body: Mapping[str, Any], headers: Mapping[str, str], person: str = USER) -> Said:
    return place.ask(person, "POST", path, headers, json.dumps(body).encode())


def _held(sequence: Callable[[Place], Steps]) -> Callable[[Place], Steps]:
    """The same while the queue is held; what it began is ended after each step."""

    def held(place: Place) -> Steps:
        place.ask(ADMIN, "POST", "/api/queue/pause")
        begun = set[str]()
        for title, said in sequence(place):
            begun |= {said.json()["run_id"]} if said.status == 202 else set()
            yield title, said
        for run_id in sorted(begun):
            place.end(run_id)
        place.ask(ADMIN, "POST", "/api/queue/resume")

    held.__name__ = sequence.__name__
    return held


@_held
def _preferring(place: Place) -> Steps:
    for prefer in ("respond-async", "wait=0", "respond-async, wait=100"):
        yield prefer, _post(place, EXECUTE, SILENCE, {"Prefer": prefer})
    yield "wait=100, and in the body 0", _post(place, EXECUTE, {**SILENCE, "wait_timeout_s": 0}, {"Prefer": "wait=100"})


@_held
def _the_same_again(place: Place) -> Steps:
    body = {**SILENCE, "wait": False}
    yield "first", _post(place, EXECUTE, body, AGAIN)
    yield "again", _post(place, EXECUTE, body, AGAIN)
    yield "again, waiting", _post(place, EXECUTE, {**body, "wait": True, "wait_timeout_s": 0}, AGAIN)
    yield "something else", _post(place, EXECUTE, {**body, "seed": 2}, AGAIN)
    yield "by somebody else", _post(place, EXECUTE, body, AGAIN, STRANGER)
    yield "with a key that is too long", _post(place, EXECUTE, body, {"Idempotency-Key": "x" * 1000})
    rerun = f"/api/runs/{place.run('sound')}/rerun"
    yield "a rerun for an execute", _post(place, rerun, {}, AGAIN)
    yield "a rerun", _post(place, rerun, {}, {"Idempotency-Key": "rerun"})
    yield "the rerun again", _post(place, rerun, {}, {"Idempotency-Key": "rerun"})
    imported = {"graph": GRAPH, "name": "kept"}
    yield "an import", _post(place, "/api/schema/import", imported, {"Idempotency-Key": "import"})
    yield "the import again", _post(place, "/api/schema/import", imported, {"Idempotency-Key": "import"})
    yield "another import", _post(place, "/api/schema/import", {**imported, "name": "x"}, {"Idempotency-Key": "import"})


def _taken_up_again(place: Place) -> Steps:
    path = f"/api/runs/{place.run('sound')}/events"
    numbers = [message["id"] for message in place.ask(USER, "GET", path).events if "id" in message]
    yield "after the third", place.ask(USER, "GET", path, {"Last-Event-ID": numbers[2]})
    yield "after the last but one", place.ask(USER, "GET", path, {"Last-Event-ID": numbers[-2]})
    yield "after the last", place.ask(USER, "GET", path, {"Last-Event-ID": numbers[-1]})
    for person in (USER, STRANGER, ADMIN):
        said = place.ask(person, "GET", "/api/events", {"Last-Event-ID": numbers[-3]}, events=7)
        yield f"all events after the last but two, as {person}", said


def _heard_as_it_goes(place: Place) -> Steps:
    """A run whose take ends once a file is there, which is made when its attempt has been heard to begin."""
    gate = place.folder / "gate"
    gate.mkdir()
    body = {**TAKE, "seed": 7, "params": {"gate": str(gate)}, "wait": False}
    run_id = _post(place, EXECUTE, body, {}).json()["run_id"]
    with place.open(USER, "GET", f"/api/runs/{run_id}/events") as answer:
        said = Said(answer.status, dict(answer.getheaders()))
        for message in messages(answer):
            said.events.append(message)
            if message.get("event") == "attempt.started":
                (gate / "7").touch()
    yield "live", _stored(said)


def _answered_by_a_stream(place: Place) -> Steps:
    yield "execute", _stored(_post(place, EXECUTE, {**SILENCE, "enable_streaming": True}, {}))
    body = {"schema": "haiku", "input_text": "rain", "seed": 1, "safety_level": "off", "enable_streaming": True}
    yield "interception", _stored(_post(place, "/api/schema/pipeline/interception", body, {}))
    yield (
        "generation, in the end",
        _post(
            place,
            "/api/schema/pipeline/generation",
            {"prompt": "a sound", "output_config": "silence_mp3", "seed": 1},
            {},
        ),
    )
    yield "execute, with takes", _post(place, EXECUTE, {**TEXT, "output_config": "takes", "seed": 3}, {})


def _stored(said: Said) -> Said:
    """The answer without the events that come by the clock: progress, positions in the queue."""
    said.events = [message for message in said.events if {"id", "retry"} & set(message) or message["event"] == "answer"]
    return said


def _session(place: Place) -> Steps:
    begun = _post(place, "/api/session", {"key": place.key(USER)}, {}, "")
    cookie = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    yield "begun", begun
    yield "who", place.ask("", "GET", "/api/session", cookie)
    yield (
        "a write from our own page",
        place.ask("", "POST", "/api/queue/pause", {**cookie, "Sec-Fetch-Site": "same-origin"}),
    )
    yield (
        "a write from another page",
        place.ask("", "POST", "/api/queue/pause", {**cookie, "Sec-Fetch-Site": "cross-site"}),
    )
    yield "ended", place.ask("", "DELETE", "/api/session", cookie)
    yield "over", place.ask("", "GET", "/api/session", cookie)
    yield "with a cookie of nobody", place.ask("", "GET", "/api/runs", {"Cookie": "tonewright_session=x"})


def _wrong_keys(place: Place) -> Iterator[Said]:
    """The first wrong key's answer, and the one that an address gets in the end."""
    wrong = {"Authorization": "Bearer tonewright_of_nobody_here_at_all_today"}
    yield place.ask("", "GET", "/api/runs", wrong)
    yield until(lambda: _if_429(place.ask("", "GET", "/api/runs", wrong)), "a refusal of the address") or Said(0, {})
    yield place.ask(USER, "GET", "/api/session")


def _if_429(said: Said) -> Said | None:
    return said if said.status == 429 else None
