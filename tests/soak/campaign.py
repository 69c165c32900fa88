"""kill -9 at drawn times, beside clients that send small runs with keys and send them again until they are answered."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from tests.doubles.programs import Server

# The server alone, everything that it has started with it, its embedded backend, and one of its worker processes.
VICTIMS: Final = ("server", "group", "embedded", "worker")
SHARES: Final = (4, 2, 2, 2)
CLIENTS: Final = 3
AT_ONCE: Final = 4  # unfinished runs of one client
PATIENCE_S: Final = 300.0
STOPS_ALLOWED: Final = 5
TEXT_STAGES: Final = ("safety_input", "interception", "translation", "safety_output")


@dataclass(frozen=True)
class Order:
    """A request, and the length of sound that it must give."""

    key: str
    body: dict[str, Any]
    seconds: float


def draw_order(chance: random.Random, number: int, name: str) -> Order:
    """A small run of one kind or another; the lengths tell them apart."""
    seconds = round(0.3 + 0.01 * (number % 200), 2)
    body: dict[str, Any] = {"input_text": f"{name} {number}", "safety_level": "off", "wait": False}
    body |= {"output_config": "silence_mp3", "params": {"seconds": seconds}}
    if chance.random() < 0.08:
        seconds = 2.0
        body |= {"output_config": "procedural_instrumental", "params": {"seconds": seconds, "seed": number}}
    return Order(f"{name}-{number}", body, seconds)


@dataclass
class Found:
    """What became of a campaign."""

    kills: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    success: int = 0
    unanswered: int = 0
    by_the_rule: int = 0
    losses: list[str] = field(default_factory=list)

    def told(self) -> str:
        killed = ", ".join(f"{self.kills[victim]} {victim}" for victim in VICTIMS)
        ended = f"{self.success} success, {self.by_the_rule} stopped the server themselves"
        runs = f"{self.accepted} runs accepted ({ended}), {self.unanswered} requests without an answer"
        return "\n".join([f"{self.kills.total()} kills ({killed}); {runs}", *(f"LOST {loss}" for loss in self.losses)])


class Campaign:
    """One server in one folder, which is killed and started again while clients use it."""

    def __init__(
        self, folder: Path, kills: int, seed: int, limit_s: float = 1e9, stop: threading.Event | None = None
    ) -> None:
        self.exports, self._kills, self._seed = folder / "exports", kills, seed
        self._deadline = time.monotonic() + limit_s
        self._port = _free_port()
        self._chance = random.Random(seed)
        self.stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[Order, str]] = {}
        self._journal = self.exports / ".state" / "journal.sqlite"
        self._at_work_at_a_kill: Counter[str] = Counter()
        self._parts: set[Path] = set()
        self.found = Found()
        self.server = self._start()

    def _start(self) -> Server:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                # Lost attempts are not what is tried here: a backend that is killed all the time loses many.
                return Server(self.exports, port=self._port, attempts=100, retry_pause_s=0.1)
            except AssertionError:  # the port or the folder is let go of a moment later
                if time.monotonic() > deadline:
                    raise

    def run(self) -> Found:
        clients = [threading.Thread(target=self._use, args=(f"client{n}",), daemon=True) for n in range(CLIENTS)]
        try:
            for client in clients:
                client.start()
            while self.found.kills.total() < self._kills and time.monotonic() < self._deadline:
                if self.stop.is_set():
                    break
                self._kill_one()
            self.stop.set()
            for client in clients:
                client.join(PATIENCE_S)
            self._judge()
        finally:
            self.stop.set()
            _kill_all(self.server.pid)
            self.server.kill()
        return self.found

    # The killer

    def _kill_one(self) -> None:
        # Sometimes at once, mostly while something is at work, now and then after a while in which much is done.
        longest_s = self._chance.choice((0.05, 0.5, 0.5, 1.5, 1.5, 4.0))
        self.stop.wait(self._chance.uniform(0, longest_s))
        victim = self._chance.choices(VICTIMS, SHARES)[0]
        if victim in ("server", "group"):
            if victim == "group":
                _kill_all(self.server.pid)
            self.server.kill()
            self._at_work_at_a_kill.update(self._at_work())
            self.server = self._start()
        else:
            mark = "devserver.host" if victim == "embedded" else "devserver.host.worker|multiprocessing.spawn"
            pids = _children(self.server.pid, mark.split("|"), exact=victim == "embedded")
            if not pids:
                return
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(pids), signal.SIGKILL)
        self.found.kills[victim] += 1

    def _at_work(self) -> set[str]:
        """The runs that a dead server was at work on: a prompt that ran, a file on its way in, a text stage begun."""
        found = set()
        for part in set(self.exports.glob("*/*.part")) - self._parts:  # an older one is left of an earlier kill
            self._parts.add(part)
            found.add(part.parent.name)
        ran = ""
        with suppress(OSError):
            ran = (self.exports / ".state/embedded/running_prompt").read_text().strip()
        sql = (
            "SELECT DISTINCT run_id FROM stages WHERE state = 'running' AND"
            f" (prompt_id = ? OR (attempt = 0 AND take = 0 AND stage IN ({', '.join('?' * len(TEXT_STAGES))})))"
        )
        with closing(sqlite3.connect(self._journal)) as journal:
            return found | {run_id for (run_id,) in journal.execute(sql, (ran, *TEXT_STAGES))}

    # The clients

    def _use(self, name: str) -> None:
        chance, number, open_runs = random.Random(f"{self._seed} {name}"), 0, list[str]()
        while not self.stop.is_set():
            open_runs = [run_id for run_id in open_runs if not self._has_ended(run_id)]
            if len(open_runs) >= AT_ONCE:
                time.sleep(0.05)
                continue
            number += 1
            order = draw_order(chance, number, name)
            if (run_id := self._send(order)) is not None:
                open_runs.append(run_id)

    def _send(self, order: Order) -> str | None:
        """Send a request until it is answered; a key whose answer was lost makes no second run."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status, told = self._call("POST", "/api/schema/pipeline/execute", order.body, order.key)
            if status == 202:
                with self._lock:
                    self._runs[order.key] = (order, str(told["run_id"]))
                return str(told["run_id"])
            if status:
                self._lose(f"{order.key} was answered with {status}: {told}")
                return None
            with self._lock:
                self.found.unanswered += 1
            time.sleep(0.02)
        self._lose(f"{order.key} was not answered")
        return None

    def _has_ended(self, run_id: str) -> bool:
        status, told = self._call("GET", f"/api/runs/{run_id}")
        return status == 200 and told["status"] not in ("queued", "running")

    def _call(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """One request; status 0 where nobody answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if key:
            request.add_header("Idempotency-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if path.startswith("/api/r") or body else content
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode(errors="replace")
        except (OSError, HTTPException, ValueError):
            return 0, None

    # What must be true

    def _lose(self, what: str) -> None:
        with self._lock:
            self.found.losses.append(what)

    def _judge(self) -> None:
        self.found.accepted = len(self._runs)
        for order, run_id in self._runs.values():
            told = self._end_of(run_id)
            status, again = self._call("POST", "/api/schema/pipeline/execute", order.body, order.key)
            if status not in (200, 202) and told.get("status") == "success":
                self._lose(f"{order.key} is answered with {status} when it is sent again")
            elif status in (200, 202) and again["run_id"] != run_id:
                self._lose(f"{order.key} made {run_id} and {again['run_id']}")
            self._judge_run(order, run_id, told)
        with closing(sqlite3.connect(self._journal)) as journal:
            (runs,) = journal.execute("SELECT count(*) FROM runs").fetchone()
        if runs != len(self._runs):
            self._lose(f"{runs} runs are in the journal, {len(self._runs)} were asked for")

    def _end_of(self, run_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status, told = self._call("GET", f"/api/runs/{run_id}")
            if status == 200 and told["status"] not in ("queued", "running"):
                return dict(told)
            time.sleep(0.1)
        return {"status": f"not ended: {status} {told}"}

    def _judge_run(self, order: Order, run_id: str, told: dict[str, Any]) -> None:
        if told["status"] != "success":
            own = self._at_work_at_a_kill[run_id]
            if (told.get("error") or {}).get("code") == "stopped_the_server" and own >= STOPS_ALLOWED:
                self.found.by_the_rule += 1
            else:
                self._lose(f"{run_id} ({order.key}) {told['status']}, at work at {own} kills: {told.get('error')}")
            return
        self.found.success += 1
        sounds = [entity for entity in told["entities"] if entity["media"] == "audio" and entity["role"] == "main"]
        if len(sounds) != 1 or abs(sounds[0]["facts"]["seconds"] - order.seconds) > 0.1:
            self._lose(f"{run_id} has {sounds} instead of {order.seconds} s")
            return
        status, content = self._call("GET", f"/api/media/audio/{run_id}")
        if status != 200 or hashlib.sha256(content).hexdigest() != sounds[0]["sha256"]:
            self._lose(f"{run_id} is served as {status} and something else")
        if left := [path.name for path in (self.exports / run_id).glob("*.part")]:
            self._lose(f"{run_id} left {left}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tree(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_tree(int(child))]
    return found


def _children(pid: int, modules: list[str], *, exact: bool) -> list[int]:
    """The processes below a process that run one of the modules; `exact`: and none below it."""
    found = []
    for child in _tree(pid):
        with suppress(OSError):
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            if any(module in words if exact else any(module in word for word in words) for module in modules):
                found.append(child)
    return found


def _kill_all(pid: int) -> None:
    for child in [pid, *_tree(pid)]:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
