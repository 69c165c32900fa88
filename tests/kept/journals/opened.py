"""Journals of another version, opened by this one: what waits is finished once, what has ended is served as it was.

A host that stands in for the one which outlived the old server has the prompts that it had, done or waiting.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import av
import pytest

from tests.doubles.postgres import NO_POSTGRES, Postgres, programs
from tests.doubles.programs import Server
from tests.doubles.reencode import tone
from tests.kept.journals import archive
from tests.kept.journals.hosts import KeptHost, run_and_take
from tests.kept.journals.places import DATABASES, KEY, Place, until
from tests.kept.scenario import Scenario

SEEDS: Final = range(200)  # of whatever waits at a gate
PAGE: Final = 100
SIDE_BY_SIDE: Final = 2
RECORD: Final = "metadata.json"


def _all_of(folder: Path, database: str) -> dict[str, Any]:
    """Open every archive of a database with the server under test, each in a folder of its own."""
    names = [name for name in archive.names() if name.startswith(f"{database}.")]
    if database == "sqlite":
        return _side_by_side(folder, names, None)
    if programs() is None:
        pytest.skip(NO_POSTGRES)
    with Postgres() as postgres:
        return _side_by_side(folder, names, postgres)


def _side_by_side(folder: Path, names: list[str], postgres: Postgres | None) -> dict[str, Any]:
    places = [Place(_unpacked(folder / name, name), postgres) for name in names]
    kinds = [name.partition(".")[2] for name in names]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return dict(zip(kinds, threads.map(_opened, places, kinds), strict=True))


def _unpacked(folder: Path, name: str) -> Path:
    archive.unpack(name, folder)
    return folder


def _opened(place: Place, kind: str) -> Any:
    """Return what becomes of the runs of an archive; an archive that cannot be opened spoils no other one's case."""
    try:
        with place:
            return _case(place, kind)
    except (AssertionError, LookupError, OSError, subprocess.SubprocessError) as e:
        return {"broke_off": f"{type(e).__name__}: {e}"}


def _case(place: Place, kind: str) -> dict[str, Any]:
    if place.url is not None:
        place.restore()
    kept = sorted(path.parent.name for path in place.exports.glob("*/01_config.json"))
    before = {run_id: _record(place.exports / run_id) for run_id in kept}
    host = place.start_host()
    free = host.take_again(place.prompts())
    until(lambda: free <= host.history().keys())
    server = place.start_server()
    if kind == "people":
        return _people(server)
    told: dict[str, Any] = {"paused": _paused(server, host)} if kind == "paused" else {}
    host.open_gate(*SEEDS)
    server.call("POST", "/api/queue/resume", {})
    ends = {run_id: server.ended(run_id) for run_id in kept}
    told |= {
        "runs": [_run(server, host, run_id, end, before[run_id]) for run_id, end in ends.items()],
        "listed": _listed(server, kept),
        "found_by_the_words_of_the_first": _found(server, server.run(kept[0])["request"]["input_text"]),
        "submitted_twice": _twice(host),
    }
    if kind.startswith("tables_"):
        told["run_again"] = _run_again(server, {run_id: answer for run_id, (_, answer) in ends.items()})
        told["asked_again_with_its_key"] = _asked_again(server, kept)
    return told


def _record(folder: Path) -> bytes:
    """Return the record of a run that had ended when its server was; b"" where it was not over."""
    content = (folder / RECORD).read_bytes() if (folder / RECORD).exists() else b"{}"
    return content if json.loads(content).get("ended_at") else b""


def _paused(server: Server, host: KeptHost) -> dict[str, Any]:
    """Return what waits in the paused queue and in which order, once the server has taken up everything."""
    until(lambda: len(_queue(server)["waiting"]) >= len(_created(server)))
    queue = _queue(server)
    waiting = [row["run_id"] for row in queue["waiting"]]
    return {
        "paused": queue["paused"],
        "waiting": len(waiting),
        "in_order": waiting == _created(server),
        "submitted": len(host.taken()),
    }


def _queue(server: Server) -> dict[str, Any]:
    queue: dict[str, Any] = server.call("GET", "/api/queue")[1]["backends"][0]
    return queue


def _created(server: Server) -> list[str]:
    rows = server.call("GET", f"/api/runs?limit={PAGE}")[1]["runs"]
    seeds = {row["run_id"]: server.run(row["run_id"])["request"]["seed"] for row in rows}
    return sorted(seeds, key=lambda run_id: int(seeds[run_id]))


def _found(server: Server, text: str) -> int:
    return len(server.call("GET", f"/api/runs?q={quote(text)}&limit={PAGE}")[1]["runs"])


def _listed(server: Server, kept: list[str]) -> dict[str, Any]:
    """Return the list of runs in the order of their ids, and which are in it or in the exports alone."""
    rows = server.call("GET", f"/api/runs?limit={PAGE}")[1]["runs"]
    told = sorted((row["run_id"], f"{row['title']}, {row['output_config']}, {row['status']}") for row in rows)
    return {"rows": [line for _, line in told], "missing": sorted({*kept} ^ {run_id for run_id, _ in told})}


def _run(server: Server, host: KeptHost, run_id: str, end: tuple[int, Any], before: bytes) -> dict[str, Any]:
    """Return how a run ended, its listed files, and whether each is served with the hash of its record."""
    (status, answer), folder = end, server.exports / run_id
    until(
        lambda: _record(folder) != b"" and not (folder / ".partials").exists()
    )  # a run is over before its last file is
    record = server.run(run_id)
    stage = record["stages"][-1]
    attempts = sorted(
        [one["take"], one["attempt"], one["state"], one["result"].get("error", {}).get("code")]
        for one in stage.get("attempts", [])
    )
    files = [entity["filename"] for entity in record["entities"]]
    return {
        "answer": _line(status, answer["status"], answer.get("error", {}).get("code")),
        "asked": json.dumps(record["request"], sort_keys=True),
        "stages": _lines((one["name"], one["state"]) for one in record["stages"]),
        "takes": _lines((take["take"], take["state"]) for take in stage.get("takes", [])),
        "attempts": _lines(attempts),
        "submitted": _lines(sorted(run_and_take(body)[1:] for body in host.taken() if _is_of(run_id, body))),
        "warnings": _lines([code] for code in sorted(warning["code"] for warning in answer["warnings"])),
        "files": _lines([name] for name in files),
        "not_as_recorded": [each["filename"] for each in record["entities"] if not _is_whole(folder, each)],
        "beside": _lines([path.name] for path in sorted(folder.iterdir()) if path.name not in files),
        "record_was_changed": _record(folder) != before if before else "it was not over",
        "served": _lines(_served(server, output) for output in answer["media_outputs"]),
        "events": _events(server, run_id, whole=bool(before)),
    }


def _lines(several: Iterable[Sequence[Any]]) -> str:
    """Return one line for several things, so that a case of many runs stays short."""
    return ", ".join(_line(*words) for words in several)


def _line(*words: Any) -> str:
    return " ".join("-" if word is None else str(word) for word in words)


def _is_of(run_id: str, body: dict[str, Any]) -> bool:
    return run_and_take(body)[0] == run_id


def _twice(host: KeptHost) -> list[str]:
    """Return runs and takes that the host has got more than once."""
    counted = Counter(run_and_take(body) for body in host.taken())
    return sorted(_line(*key) for key, times in counted.items() if times > 1)


def _is_whole(folder: Path, entity: dict[str, Any]) -> bool:
    digest = hashlib.sha256((folder / entity["filename"]).read_bytes()).hexdigest()
    return bool(digest == entity["sha256"])


def _served(server: Server, output: dict[str, Any]) -> tuple[Any, ...]:
    """Return how much is heard of an output that a run has made: it is told by its length."""
    if output["url"] is None:
        return (output["config_used"], None)
    status, content = server.call("GET", output["url"])
    path = server.exports.with_name("served")
    path.write_bytes(content)
    with av.open(str(path), "r") as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
    path.unlink()
    return (output["config_used"], status, samples)


def _events(server: Server, run_id: str, *, whole: bool) -> str:
    """Return the kinds of a run's events; of one that was not over, the first and the last."""
    with urllib.request.urlopen(f"{server.url}/api/runs/{run_id}/events", timeout=60) as response:
        kinds = [line.decode().partition(":")[2].strip() for line in response if line.startswith(b"event:")]
    return " ".join(kinds if whole else (kinds[0], "...", kinds[-1]))


def _run_again(server: Server, answers: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Run one run of each output again, of those that were made."""
    made = {run_id: answer["media_output"] for run_id, answer in answers.items() if answer["status"] == "success"}
    firsts = {output["config_used"]: run_id for run_id, output in reversed(made.items())}
    return {config: _again(server, run_id) for config, run_id in sorted(firsts.items())}


def _again(server: Server, run_id: str) -> str:
    status, told = server.call("POST", f"/api/runs/{run_id}/rerun")
    if status >= 300:
        return _line(status, told["error"]["code"])
    status, answer = server.ended(told["run_id"])
    return _line(status, answer["status"], answer.get("error", {}).get("code"), answer["final_output"])


def _asked_again(server: Server, kept: list[str]) -> str:
    """Return whether a request with a key that was used gets the answer of then, or makes a run of its own."""
    body = {"input_text": "x", "safety_level": "off", "output_config": "one", "seed": 4}
    status, told = server.call("POST", "/api/schema/pipeline/execute", body, {"Idempotency-Key": KEY})
    return _line(status, "the same run" if told["run_id"] in kept else "a new run")


def _people(server: Server) -> dict[str, Any]:
    """Return what each key and the session open, and what of each other's they do not."""
    shown = json.loads((server.exports / "shown.json").read_bytes())
    keys = {name: {"Authorization": f"Bearer {secret}"} for name, secret in shown["secrets"].items()}
    queue = server.call("GET", "/api/queue", None, keys["teacher"])[1]["backends"][0]
    told: dict[str, Any] = {"paused": queue["paused"]}
    told["resumed"] = server.call("POST", "/api/queue/resume", {}, keys["teacher"])[0]
    for name, own in keys.items():
        status, answer = _ended(server, shown["waiting"][name], own)
        told[f"waiting of the {name}"] = [status, answer["status"], _heard(server, answer["media_output"], own)]
    ways = {**keys, "pupil's session": {"Cookie": shown["cookie"]}, "nobody": {}}
    ways["who knows no key"] = {"Authorization": f"Bearer {shown['secrets']['pupil'][:-1]}"}
    for who, own in ways.items():
        told[who] = {
            owner: {
                "run": server.call("GET", f"/api/runs/{shown['runs'][owner]}", None, own)[0],
                "media": server.call("GET", f"/api/media/audio/{shown['runs'][owner]}", None, own)[0],
                "used": _used(server, shown["uploads"][owner], own),
            }
            for owner in keys
        }
        status, session = server.call("GET", "/api/session", None, own)
        told[who]["session"] = [status, session.get("user"), session.get("admin")]
    for number, (name, own) in enumerate(keys.items(), start=1):
        status, upload = server.call("POST", "/api/uploads", tone(440 * number), own)
        told[name]["uploaded_again"] = [status, upload["id"] == shown["uploads"][name]]
    return told


def _ended(server: Server, run_id: str, headers: dict[str, str]) -> tuple[int, Any]:
    until(lambda: server.call("GET", f"/api/runs/{run_id}/answer", None, headers)[0] != 202)
    return server.call("GET", f"/api/runs/{run_id}/answer", None, headers)


def _heard(server: Server, output: dict[str, Any], headers: dict[str, str]) -> list[Any]:
    status, content = server.call("GET", output["url"], None, headers)
    return [status, len(content) > 0]


def _used(server: Server, upload: str, headers: dict[str, str]) -> list[Any]:
    """Return what comes of a request with a file that was sent to the old server."""
    body = {"input_text": "again", "output_config": "reencode", "safety_level": "off", "seed": 4}
    body |= {"params": {"audio": upload}}
    status, answer = server.call("POST", "/api/schema/pipeline/execute", body, headers)
    return [status, answer.get("status"), answer.get("error", {}).get("code")]


SCENARIOS: Final = tuple(
    Scenario(f"journals/{database}", partial(_all_of, database=database)) for database in DATABASES
)
