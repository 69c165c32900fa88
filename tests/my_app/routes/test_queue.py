"""What /openapi.json promises of the queue, held against a real server."""

from __future__ import annotations

from typing import Any

from tests.my_app.api import Api

EXECUTE = "/api/schema/pipeline/execute"
WAITS = {"input_text": "hush", "output_config": "silence_mp3", "wait": False, "safety_level": "off"}


async def waiting(api: Api, count: int) -> list[dict[str, Any]]:
    while True:
        _, told = await api.ask("GET", "/api/queue")
        entries: list[dict[str, Any]] = told["waiting"]
        if len(entries) >= count:
            return entries


async def test_the_queue_from_its_pause_to_its_end(api: Api) -> None:
    status, told = await api.ask("POST", "/api/queue/pause", {})
    assert (status, told["paused"]) == (200, True)
    runs = [(await api.ask("POST", EXECUTE, WAITS))[1]["run_id"] for _ in range(3)]
    assert [entry["run_id"] for entry in await waiting(api, 3)] == runs
    status, told = await api.ask("POST", "/api/queue/move", {"run_id": runs[2], "to": "front"})
    assert (status, told["queue"]["position"]) == (200, 1)
    assert [entry["run_id"] for entry in await waiting(api, 3)] == [runs[2], runs[0], runs[1]]
    _, shown = await api.ask("GET", "/api/runs/{run_id}", run_id=runs[1])
    assert shown["queue"]["position"] == 3
    status, told = await api.ask("POST", "/api/queue/resume", {})
    assert (status, told["paused"]) == (200, False)


async def test_a_long_queue_is_told_in_pages(api: Api) -> None:
    while (await api.ask("GET", "/api/queue"))[1]["unfinished"]:  # what another test has left
        pass
    await api.ask("POST", "/api/queue/pause", {})
    runs: list[str] = []
    for count in range(1, 6):  # a run waits where its take asks for a turn, not where it was accepted
        runs.append((await api.ask("POST", EXECUTE, WAITS))[1]["run_id"])
        assert [entry["run_id"] for entry in await waiting(api, count)] == runs
    seen, offset = [], 0
    while offset is not None:
        status, told = await api.ask("GET", f"/api/queue?limit=2&offset={offset}")
        (backend,) = told["backends"]
        assert (status, told["waiting_total"], backend["waiting_total"]) == (200, 5, 5)
        seen += [(entry["position"], entry["run_id"]) for entry in told["waiting"]]
        assert [entry["run_id"] for entry in backend["waiting"]] == [entry["run_id"] for entry in told["waiting"]]
        assert all(entry["expected_backend"] == "embedded" for entry in [*told["waiting"], *backend["waiting"]])
        assert all(entry["may"] == ["embedded"] for entry in told["waiting"])
        assert {entry["why_code"] for entry in told["waiting"]} == {"placed_alone"}
        offset = told["next_offset"]
    assert seen == list(enumerate(runs, 1))
    for name, value in (("limit", 0), ("limit", 1001), ("limit", "x"), ("offset", -1), ("offset", "9" * 30)):
        status, told = await api.ask("GET", f"/api/queue?{name}={value}")
        assert (status, told["error"]["field"]) == (422, name)
    await api.ask("POST", "/api/queue/resume", {})


async def test_what_is_wrong_with_a_change_of_the_queue_is_named(api: Api) -> None:
    for body, status, field in [
        ({"run_id": "x"}, 422, ""),
        ({"run_id": "x", "to": "front", "position": 1}, 422, ""),
        ({"run_id": "x", "to": "sideways"}, 422, "to"),
        ({"run_id": "x", "position": 0}, 422, "position"),
        ({"to": "front"}, 422, "run_id"),
        ({"run_id": "x", "to": "front", "more": 1}, 422, "more"),
        ({"run_id": "20300101-000000-00000000", "to": "front"}, 404, "run_id"),
    ]:
        got, told = await api.ask("POST", "/api/queue/move", body)
        assert (got, told["error"]["field"]) == (status, field), told
    got, told = await api.ask("POST", "/api/queue/pause", {"backend": "nowhere"})
    assert (got, told["error"]["allowed"]) == (404, ["embedded"])


async def test_every_backend_says_what_it_has_and_does(api: Api) -> None:
    status, told = await api.ask("GET", "/api/backends")
    assert status == 200
    (backend,) = told["backends"]
    assert (backend["name"], backend["state"], backend["kind"]) == ("embedded", "up", "embedded")
    assert backend["nodes"] > 10
    assert set(backend["queue"]) == {"running", "pending"}
    assert (backend["put_aside"], backend["faults"], backend["last_fault"]) == (False, 0, "")
