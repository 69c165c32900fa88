"""Server-Sent Events as a listener reads them: from the beginning, from where it stopped, and while things happen."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.client import HTTPResponse
from typing import Any, Final

from tests.doubles.programs import Server

LIMIT_S: Final = 120.0


def events_of(server: Server, run_id: str, after: int | None = None) -> list[dict[str, Any]]:
    """Return the events of a run up to its end."""
    with _open(server, f"/api/runs/{run_id}/events", after) as response:
        return read(response)


def read(response: HTTPResponse, count: int | None = None) -> list[dict[str, Any]]:
    """Return the messages of a stream, up to its end or so many of them; each is checked against its own number."""
    found: list[dict[str, Any]] = []
    fields: dict[str, str] = {}
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
            continue
        if "data" in fields:
            found.append(_checked(fields))
        fields = {}
        if count is not None and len(found) == count:
            break
    numbers = [event["seq"] for event in found if event["seq"] is not None]
    assert numbers == sorted(set(numbers)), f"the numbers of events do not grow: {numbers}"
    return found


def _checked(fields: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(fields["data"])
    assert fields["event"] == told["kind"], fields
    assert fields.get("id", "") == ("" if told["seq"] is None else str(told["seq"])), fields
    return told


def _open(server: Server, path: str, after: int | None) -> HTTPResponse:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    response = urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers), timeout=LIMIT_S)
    assert isinstance(response, HTTPResponse)
    return response


def resumed(server: Server, run_id: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a listener hears who comes back after half of the events, and after the last one."""
    stored = [event for event in events if event["seq"] is not None]
    half = stored[: len(stored) // 2]
    rest = [event["seq"] for event in events_of(server, run_id, half[-1]["seq"])]
    with _open(server, f"/api/runs/{run_id}/events", stored[-1]["seq"]) as response:
        status, body = response.status, response.read().decode()
    return {
        "after_half": "the rest" if rest == [event["seq"] for event in stored[len(half) :]] else rest,
        "after_the_last": [status, body],
    }


def on_connect(server: Server, count: int) -> list[dict[str, Any]]:
    """Return the first messages that a listener to everything gets."""
    with _open(server, "/api/events", None) as response:
        return read(response, count)


def kinds_of(response: HTTPResponse) -> list[str]:
    """Return the kinds of the events of a stream, each of those that follow one another once."""
    kinds = [line.decode().partition(":")[2].strip() for line in response if line.startswith(b"event:")]
    return [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before]


class Listener:
    """Listens to one run on a thread, from before something happens to the run's end."""

    def __init__(self, server: Server, run_id: str) -> None:
        self._heard: list[dict[str, Any]] = []
        self._server, self._run_id = server, run_id
        self._response = _open(server, f"/api/runs/{run_id}/events", None)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with self._response:
            self._heard = read(self._response)

    def heard(self) -> dict[str, Any]:
        """Wait for the run's end; return whether every stored event was heard, and the kinds of the others."""
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive(), "the stream of the run's events did not end"
        heard = [event for event in self._heard if event["seq"] is not None]
        kept = events_of(self._server, self._run_id)
        others = {event["kind"]: sorted(event["data"]) for event in self._heard if event["seq"] is None}
        others.pop("queue", None)  # comes when the queue happens to be looked at
        return {"stored": "every one" if heard == kept else heard, "others": others}
