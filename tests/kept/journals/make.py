"""Makes the archives that are not there yet: `python -m tests.kept.journals.make [GLOB]`.

Those in `archives/` were made by the program at 0b6d30a, except `tables_7`, which the first one with seven table files
made. To make one of them again, check that commit out elsewhere, put the `tests/kept` of today and `tests/patience.py`
into it, delete the archive there, run the command there, and copy the archive here. A new table file N needs an archive
`tables_N`: the command makes it with the program of today, and `python -m tests.kept.record 'journals/*'` writes down
what becomes of it.

What was recorded is what the first version with seven table files made of them. The one at 0b6d30a made the same of its
own within five minutes; later it ended the takes at work, because it counted the time in which no server ran.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.doubles.kill_points import POINTS
from tests.doubles.postgres import Postgres
from tests.doubles.programs import ROOT, Server
from tests.doubles.reencode import tone
from tests.kept.journals import archive
from tests.kept.journals.hosts import GATE
from tests.kept.journals.older import make_older, table_numbers
from tests.kept.journals.places import DATABASES, KEY, Place, until
from tests.kept.runs.ends import begun
from tests.kept.runs.losses import workers_of

PAUSED: Final = 20
# At each point: how many takes the host may finish before the point is armed, at which passing the server stops there,
# and how many takes the host may finish in all.
SCRIPT: Final[dict[str, tuple[int, int, int]]] = {
    "accepted": (0, 1, 0),
    "dispatched": (0, 1, 0),
    "journalled": (0, 3, 1),
    "submitted": (0, 3, 1),
    "queued": (0, 1, 0),
    "running": (0, 2, 1),
    "written": (1, 1, 2),
    "half_copied": (1, 1, 2),
    "tagged": (1, 1, 2),
    "taken_in": (1, 1, 2),
    "before_final": (1, 1, 3),
}
FAULTS: Final = (
    "none",
    "silent",
    "nothing",
    "outside",
    "gone",
    "gone_once",
    "memory",
    "memory_once",
    "error",
    "refused",
)
FOREVER: Final = 4102444800.0  # 2100, so that no archive is ever too old for what ends after a day or a month
FOREVER_STAMP: Final = "2100-01-01T00:00:00.000Z"


def paused(place: Place) -> None:
    """Leave runs that wait in a paused queue and were never submitted, and a server that is killed."""
    server = place.start_server()
    server.call("POST", "/api/queue/pause", {})
    for seed in range(PAUSED):
        begun(server, output_config="one", seed=seed, params={"fault": "none"}, schema="dada")
    until(lambda: _waiting(server) == PAUSED)
    server.kill()


def ended(place: Place) -> None:
    """Leave a run at each end, a rerun, a used Idempotency-Key, a run at work and one that a pause keeps waiting."""
    server = place.start_server()
    asked: dict[str, Any] = {"input_text": "x", "output_config": "one"}
    for seed, fault in enumerate(FAULTS):
        server.execute(**asked, seed=seed, params={"fault": fault})
    _, first = server.execute(input_text="one two three", schema="dada", output_config="three", seed=1)
    _, told = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
    server.ended(told["run_id"])
    server.execute(input_text="x", output_config="nobody", seed=3)
    server.execute(input_text="murder", output_config="one", pipeline="text_to_audio", safety_level="kids", seed=3)
    server.execute(input_text="x", output_config="hurried", seed=3, params={"gate": GATE})
    body = {"input_text": "x", "safety_level": "off", "output_config": "one", "seed": 4}
    server.call("POST", "/api/schema/pipeline/execute", body, {"Idempotency-Key": KEY})
    cancelled = begun(server, output_config="one", seed=5, params={"gate": GATE})
    until(place.host.runs_something)
    server.call("POST", f"/api/runs/{cancelled}/cancel")
    server.ended(cancelled)
    until(lambda: not place.host.runs_something())
    at_work = begun(server, output_config="one", seed=6, params={"gate": GATE})
    until(place.host.runs_something)
    server.call("POST", "/api/queue/pause", {})
    begun(server, output_config="one", seed=7)
    until(lambda: _waiting(server) == 1)
    server.kill()
    place.keep_prompts(at_work)
    _keep_keys_of_requests(place)


def _waiting(server: Server) -> int:
    return len(server.call("GET", "/api/queue")[1]["backends"][0]["waiting"])


def _keep_keys_of_requests(place: Place) -> None:
    sql = f"UPDATE first_answers SET at = '{FOREVER_STAMP}'"
    if place.url is None:
        with sqlite3.connect(place.exports / ".state" / "journal.sqlite") as journal:
            journal.execute(sql)
        journal.close()
        return
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(sql.encode())


def people(place: Place) -> None:
    """Leave keys, a session, files that were sent, runs with them, and a server that was stopped."""
    secrets = {}
    for name, rights in (("teacher", ["--admin"]), ("pupil", [])):
        command = [sys.executable, "server.py", "keys", "add", name, *rights, "--exports", str(place.exports)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        secrets[name] = done.stdout.splitlines()[0]
    server = place.start_server()
    headers = {name: {"Authorization": f"Bearer {secret}"} for name, secret in secrets.items()}
    made: dict[str, Any] = {"runs": {}, "uploads": {}, "waiting": {}}
    for seed, name in enumerate(secrets):
        _, told = server.call("POST", "/api/uploads", tone(440 * (1 + seed)), headers[name])
        made["uploads"][name] = told["id"]
        _, told = _reencode(server, headers[name], told["id"])
        made["runs"][name] = told["run_id"]
    server.call("POST", "/api/queue/pause", {}, headers["teacher"])
    for name in secrets:
        _, told = _reencode(server, headers[name], made["uploads"][name], wait=False)
        made["waiting"][name] = told["run_id"]
    until(lambda: len(server.call("GET", "/api/queue", None, headers["teacher"])[1]["backends"][0]["waiting"]) == 2)
    cookie = _session(server, secrets["pupil"])
    place.close()
    for path in (place.exports / ".state" / "sessions").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "ends_at": FOREVER}))
    (place.exports / "shown.json").write_text(json.dumps({"secrets": secrets, "cookie": cookie, **made}))


def _reencode(server: Server, headers: dict[str, str], upload: str, *, wait: bool = True) -> tuple[int, Any]:
    body = {"input_text": "again", "output_config": "reencode", "safety_level": "off", "seed": 3, "wait": wait}
    return server.call("POST", "/api/schema/pipeline/execute", {**body, "params": {"audio": upload}}, headers)


def _session(server: Server, secret: str) -> str:
    body = json.dumps({"key": secret}).encode()
    request = urllib.request.Request(f"{server.url}/api/session", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(response.headers["Set-Cookie"].partition(";")[0])


def killed_at(place: Place, point: str) -> None:
    """Leave a run of three takes whose server is killed at a point."""
    first, nth, then = SCRIPT[point]
    seed = 10 * POINTS.index(point)
    server = place.start_server(can_be_stopped=True)
    if not first:
        place.points.arm(point, nth)
    threading.Thread(target=_ask, args=(server, seed), daemon=True).start()
    if first:
        place.host.open_gate(*range(seed, seed + first))
        until(lambda: _first_take_done(server))
        place.points.arm(point, nth)
    place.host.open_gate(*range(seed, seed + then))
    place.points.wait()
    workers = workers_of(server.pid)
    server.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    (run,) = place.exports.glob("*/01_config.json")
    place.keep_prompts(run.parent.name)


def _ask(server: Server, seed: int) -> None:
    try:
        server.execute(input_text=f"run {seed}", output_config="three", seed=seed, params={"gate": GATE}, wait=False)
    except (OSError, HTTPException):  # it was killed
        return


def _first_take_done(server: Server) -> bool:
    rows = server.call("GET", "/api/runs")[1]["runs"]
    takes = server.run(rows[0]["run_id"])["stages"][-1].get("takes", []) if rows else []
    return any(take["take"] == 1 and take["state"] == "success" for take in takes)


def makers(database: str) -> dict[str, Callable[[Place], None]]:
    """Return how each archive is made, but for those of earlier tables."""
    killed = {f"killed_{point}": partial(killed_at, point=point) for point in POINTS}
    return {"paused": paused, "people": people, **killed, f"tables_{table_numbers(database)[-1]}": ended}


def _make(full: str, make: Callable[[Place], None], postgres: Postgres | None) -> None:
    with tempfile.TemporaryDirectory(prefix="tonewright-") as folder:
        with Place(Path(folder), postgres) as place:
            place.start_host()
            make(place)
            if place.url:
                place.dump()
        archive.pack(Path(folder), full)


def main(wanted: str = "*") -> None:
    with Postgres() as postgres:
        for database in DATABASES:
            for name, make in makers(database).items():
                full, began = f"{database}.{name}", time.monotonic()
                if fnmatchcase(full, wanted) and full not in archive.names():
                    _make(full, make, postgres if database == "postgres" else None)
                    sys.stdout.write(f"{full}: {time.monotonic() - began:.1f} s\n")
            *earlier, newest = table_numbers(database)
            for number in earlier:
                full = f"{database}.tables_{number}"
                if fnmatchcase(full, wanted) and full not in archive.names():
                    make_older(database, number, newest, postgres)


if __name__ == "__main__":
    main(*sys.argv[1:])
