"""The queue and idempotency keys of the real server, over stops of every kind."""

from __future__ import annotations

import json
import sqlite3
import threading
import urllib.error
import urllib.request
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.doubles.kill_points import Points
from tests.doubles.programs import Server
from tests.doubles.together import until
from tests.patience import PATIENCE_S

EXECUTE = "/api/schema/pipeline/execute"
SILENCE = {"input_text": "x", "output_config": "silence_mp3", "params": {"seconds": 1}, "safety_level": "off"}


def send(server: Server, body: dict[str, Any], key: str = "", path: str = EXECUTE) -> tuple[int, Any, dict[str, str]]:
    """One request; status, body and headers."""
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status, json.load(response), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), dict(error.headers)


def started(server: Server, title: str, **more: Any) -> str:
    status, told, _ = send(server, {**SILENCE, "input_text": title, "wait": False, **more})
    assert status == 202, told
    return str(told["run_id"])


def waiting(server: Server, count: int) -> list[str]:
    """The titles in their order, once so many wait."""
    while True:
        listed = [entry["title"] for entry in server.call("GET", "/api/queue")[1]["waiting"]]
        if len(listed) >= count:
            return listed


def expected_of_the_next(server: Server, samples: int) -> Any:
    """The answer to one more request, once so many runs are learned from; each such run ends before the next."""
    told = send(server, {**SILENCE, "wait": False})[1]
    server.ended(told["run_id"])
    return told if told["eta"]["samples"] >= samples else None


def test_order_and_pause_survive_a_kill_and_moved_ones_are_obeyed(exports: Path) -> None:
    with Server(exports) as server:
        assert server.call("POST", "/api/queue/pause", {})[1]["paused"] is True
        runs = {title: started(server, title) for title in "abcd"}
        runs["urgent"] = started(server, "urgent", priority=5)
        assert waiting(server, 5) == ["urgent", *"abcd"]
        status, told = server.call("POST", "/api/queue/move", {"run_id": runs["d"], "before": runs["b"]})
        assert (status, told["queue"]["position"]) == (200, 3)
        server.kill()
    with Server(exports) as server:
        assert waiting(server, 5) == ["urgent", "a", "d", "b", "c"]
        shown = server.run(runs["d"])
        assert shown["queue"] == {"backend": "embedded", "position": 3, "waiting": 5, "paused": True}
        assert server.call("POST", f"/api/runs/{runs['b']}/cancel")[0] == 200
        assert server.ended(runs["b"])[1]["status"] == "cancelled"
        assert server.run(runs["b"])["stages"][-1].get("attempts", []) == []  # it never reached a backend
        assert server.call("POST", "/api/queue/resume")[1]["paused"] is False
        ended = {title: server.ended(run)[1] for title, run in runs.items() if title != "b"}
        assert {answer["status"] for answer in ended.values()} == {"success"}
        begun = {title: server.run(runs[title])["stages"][-1]["attempts"][0]["started_at"] for title in ended}
        order = sorted(begun, key=begun.__getitem__)
        assert [set(order[:2]), order[2:]] == [{"urgent", "a"}, ["d", "c"]]  # two have a turn at a time
        status, told = server.call("POST", "/api/queue/move", {"run_id": runs["a"], "to": "front"})
        assert (status, told["error"]["message"]) == (409, "The run has ended already: success.")
        # How long a run took is learned a moment after its answer is there.
        told = until(lambda: expected_of_the_next(server, samples=5), "what ended is not learned from")
        assert 0 < told["eta"]["low_seconds"] < told["eta"]["high_seconds"]


def test_a_run_that_had_no_place_yet_at_a_kill_gets_the_one_in_which_it_was_accepted(exports: Path) -> None:
    with Server(exports) as server:
        server.call("POST", "/api/queue/pause", {})
        runs = {title: started(server, title) for title in "abcd"}
        assert waiting(server, 4) == [*"abcd"]
        server.kill()
    with closing(sqlite3.connect(exports / ".state" / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM tickets WHERE run_id = ?", (runs["b"],))  # as if it had not asked for it before
    with Server(exports) as server:
        assert waiting(server, 4) == [*"abcd"]


def test_a_full_queue_writes_nothing_and_says_when_to_come_back(exports: Path) -> None:
    with Server(exports, queue_limit=2) as server:
        server.call("POST", "/api/queue/pause", {})
        runs = [started(server, "a"), started(server, "b")]
        status, told, headers = send(server, SILENCE, key="later")
        assert (status, told["error"]["code"]) == (429, "queue_full")
        parts = {"stage", "code", "message", "message_code", "values", "hint", "field", "value", "allowed"}
        assert set(told["error"]) == parts
        assert int(headers["Retry-After"]) >= 1
        assert sorted(folder.name for folder in exports.glob("2*")) == sorted(runs)
        assert len(server.call("GET", "/api/runs")[1]["runs"]) == 2
        server.call("POST", "/api/queue/resume")
        for run_id in runs:
            assert server.ended(run_id)[0] == 200
        assert send(server, SILENCE, key="later")[0] == 200  # nothing is kept of a refusal


def test_a_key_gets_its_first_answer_again_also_after_a_kill(exports: Path) -> None:
    with Server(exports) as server:
        first = send(server, {**SILENCE, "wait": False}, "one")
        assert first[0] == 202
        assert "Idempotency-Replayed" not in first[2]
        whole = send(server, SILENCE, "two")
        assert whole[0] == 200
        server.kill()
    with Server(exports) as server:
        for body, key, before in ((({**SILENCE, "wait": False}), "one", first), (SILENCE, "two", whole)):
            status, told, headers = send(server, body, key)
            assert (status, told) == before[:2]
            assert headers["Idempotency-Replayed"] == "true"
        status, told, _ = send(server, {**SILENCE, "seed": 7}, "two")
        assert (status, told["error"]["code"]) == (422, "idempotency_key_reused")
        path = f"/api/runs/{whole[1]['run_id']}/rerun"
        again = [send(server, {}, "three", path)[1]["run_id"] for _ in range(3)]
        assert len(set(again)) == 1
        assert len(server.call("GET", "/api/runs")[1]["runs"]) == 3


def test_a_kill_between_accepting_and_answering_makes_no_second_run(exports: Path, tmp_path: Path) -> None:
    points = Points(tmp_path / "points")
    with Server(exports, command=["-m", "tests.doubles.launcher", str(points.folder)]) as server:
        points.arm("accepted")
        asking = threading.Thread(target=lambda: suppressed(server), daemon=True)
        asking.start()
        points.wait()
        server.kill()
        asking.join()
    with Server(exports) as server:
        status, told, headers = send(server, SILENCE, "k")
        assert (status, headers["Idempotency-Replayed"]) == (200, "true")
        assert [run["run_id"] for run in server.call("GET", "/api/runs")[1]["runs"]] == [told["run_id"]]


def suppressed(server: Server) -> None:
    """A client whose server dies while it waits."""
    with suppress(OSError, HTTPException):
        send(server, SILENCE, "k")


def test_many_with_one_key_at_once_wait_for_the_same_run(exports: Path) -> None:
    with Server(exports) as server:
        answers: list[tuple[int, Any, dict[str, str]]] = []
        threads = [threading.Thread(target=lambda: answers.append(send(server, SILENCE, "k"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [status for status, _, _ in answers] == [200] * 8
        assert len({json.dumps(told) for _, told, _ in answers}) == 1
        assert sum("Idempotency-Replayed" in headers for _, _, headers in answers) == 7
        assert len(list(exports.glob("2*"))) == 1


def test_a_turn_that_a_killed_server_had_not_given_back_is_free_again(exports: Path, tmp_path: Path) -> None:
    """Two have a turn at a time, so that two forgotten ones would hold up everything at that backend."""
    points = Points(tmp_path / "points")
    points.arm("taken_in", 2)
    with Server(exports, ("-m", "tests.doubles.launcher", str(points.folder))) as server:
        run_id = started(server, "house", output_config="mastered_song", params={"seconds": 1})
        points.wait()
        points.disarm()
        server.kill()
    with closing(sqlite3.connect(exports / ".state" / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM tickets")
        for stage in ("generation", "analysis"):
            journal.execute(
                "INSERT INTO tickets (run_id, stage, take, backend, position, held) VALUES (?, ?, 1, 'embedded', 1, 1)",
                (run_id, stage),
            )
    with Server(exports) as server:
        assert server.ended(run_id)[1]["status"] == "success"
