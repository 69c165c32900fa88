"""Every route of the server's own description: good, refused, and asked by everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.kept.http.asks import ASKS, ONE, Ask
from tests.kept.http.shown import kept, usual_headers
from tests.kept.http.world import ADMIN, NOBODY, USER, Place, Said, World

GIB: Final = 1 << 30
MOST_RERUNS: Final = 100  # tries until one is answered before it is over
UNKNOWN: Final = "20300101-000000-ffffffff"
USUAL: Final = {"run_id": "{sound}", "media": "audio", "index": "0", "name": "drums", "path": "style.css"}
BAD_JSON: Final = {"no JSON": b"{", "no object": b"[]", "an unknown field": b'{"unheard_of": 1}'}
HOLDING: Final = ("/api/queue/pause", "/api/queue/resume")  # for admins alone, and while no run waits


@dataclass(frozen=True)
class Described:
    """A route as /openapi.json has it."""

    method: str
    path: str
    replies: frozenset[int]
    takes_json: bool

    @property
    def case(self) -> str:
        return "_".join([self.method.lower(), *re.findall(r"[\w.]+", self.path)])

    def asks(self) -> dict[str, Ask]:
        """Its own, and those that every route of its kind gets."""
        own = ASKS.get(f"{self.method} {self.path}", {"good": Ask()})
        every = {
            "another method": Ask(method="PATCH", people=(USER, NOBODY)),
            "under another name": Ask(headers={"Host": "elsewhere.example"}, people=ONE),
            "with a zero byte": Ask("?x=%00", people=ONE),
        }
        if "{run_id}" in self.path:
            every["of an unknown run"] = Ask(self.path.replace("{run_id}", UNKNOWN), people=ONE)
            every["of no run"] = Ask(self.path.replace("{run_id}", "x"), people=ONE)
        if self.method == "GET":
            every["its headers alone"] = replace(own["good"], method="HEAD", people=ONE)
        else:
            every["from another page"] = Ask(headers={"Origin": "http://elsewhere.example"}, people=ONE)
            every["more than may be sent"] = Ask(body=b"", headers={"Content-Length": str(GIB)}, people=ONE)
        if self.takes_json:
            every |= {f"with {title}": Ask(body=body, people=ONE) for title, body in BAD_JSON.items()}
        asks = {**every, **own}
        return {title: self._by_admins(ask) for title, ask in asks.items()} if self.path in HOLDING else asks

    def _by_admins(self, ask: Ask) -> Ask:
        return replace(ask, people=(ADMIN,)) if ask.people == ONE else ask


def described(world: World) -> list[Described]:
    """All routes: those that only look, then those that change something, and last those that hold the queue."""
    told = world.places[0].ask(NOBODY, "GET", "/openapi.json").json()["paths"]
    found = [
        Described(
            method.upper(),
            path,
            frozenset(map(int, about["responses"])),
            "application/json" in about.get("requestBody", {}).get("content", {}),
        )
        for path, methods in told.items()
        for method, about in methods.items()
    ]
    return sorted(found, key=lambda route: (route.path in HOLDING, route.method != "GET"))


def record(world: World) -> Iterator[tuple[str, Any]]:
    """A case for each route, one of described answers that nothing here led to, and one of the usual headers."""
    yield "usual_headers", usual_headers(world.places[0])
    unseen = {}
    for route in described(world):
        if route.path in HOLDING:
            for place in world.places:
                place.end(place.run("waiting"))
        seen: set[int] = set()
        yield route.case, {title: dict(_answers(world, route, ask, seen)) for title, ask in route.asks().items()}
        unseen[route.case] = sorted(route.replies - seen)
    yield "described_and_unseen", {name: statuses for name, statuses in unseen.items() if statuses}


def _answers(world: World, route: Described, ask: Ask, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """What each person is answered; by the name of an earlier one where it is the same."""
    told: dict[str, str] = {}
    for person in ask.people:
        place = world.place(person)
        said = _ask(place, person, route, ask)
        seen.add(said.status)
        shown = kept(place, said)
        same = told.setdefault(json.dumps(shown, sort_keys=True), person)
        yield person, shown if same == person else f"as {same}"


def _ask(place: Place, person: str, route: Described, ask: Ask) -> Said:
    path = ask.path if ask.path.startswith("/") else route.path + ask.path
    path = re.sub(r"\{(\w+)\}", lambda match: USUAL.get(match[1], match[0]), path)
    path = _filled(place, person, path)
    content = ask.body if isinstance(ask.body, bytes) or ask.body is None else json.dumps(ask.body).encode()
    if content is not None and content[:1] == b"{":
        content = _filled(place, person, content.decode(), path).encode()
    headers = {name: _filled(place, person, value, path) for name, value in ask.headers.items()}
    said = place.ask(person, ask.method or route.method, path, headers, content, events=ask.events)
    for _ in range(MOST_RERUNS):
        if not path.endswith("/rerun") or b'"media_output"' not in said.content:
            break  # else the new run was over before the answer was written; one of the next is not
        said = place.ask(person, ask.method or route.method, path, headers, content, events=ask.events)
    begun = said.headers.get("Location", "").rpartition("/")[2]
    if begun and begun not in place.names:
        place.settle(begun)
        place.fresh.add(begun)
    while place.fresh:
        place.end(place.fresh.pop())
    return said


def _filled(place: Place, person: str, text: str, path: str = "") -> str:
    def value(match: re.Match[str]) -> str:
        match match[1]:
            case "fresh":
                run_id = place.waiting()
                place.fresh.add(run_id)
                return run_id
            case "etag":
                return place.ask(place.owner, "HEAD", path).headers.get("Etag", "none").strip('"')
            case "key":
                return place.key(person)
            case name:
                return place.run(name) or match[0]

    return re.sub(r"\{(\w+)\}", value, text)
