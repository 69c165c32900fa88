"""A server that can be stopped at every kill point, a host that outlives it, and what must be true of a run then."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from tests.doubles.counting_host import CountedHost, Submission, submissions, twice
from tests.doubles.kill_points import Points
from tests.doubles.programs import Server
from tests.doubles.take_nodes import TAKES, length_s, write_definitions
from tests.patience import PATIENCE_S

POLL_S: Final = 0.1  # asking costs the server's time, which others need


@dataclass
class Seen:
    """Files of a run that somebody could see before its end, by name: their hashes and where they lie on the disk."""

    hashes: dict[str, set[str]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def look(self, folder: Path) -> None:
        for path in folder.glob("*.wav"):
            self.hashes.setdefault(path.name, set()).add(hashlib.sha256(path.read_bytes()).hexdigest())
            self.places[path.name] = path.stat().st_ino


@dataclass
class Run:
    """A run of three takes, whose lengths tell them apart."""

    run_id: str
    seed: int
    folder: Path
    gates: Path
    seen: Seen = field(default_factory=Seen)

    def open(self, takes: int = TAKES) -> None:
        """Let the host finish the first `takes` of it."""
        for take in range(takes):
            (self.gates / str(self.seed + take)).touch()


class Scene:
    """One server and one host in a folder. What is killed is started again with `start_server`, `replace_host`."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.exports = folder, folder / "exports"
        self.log, self.points = folder / "submissions", Points(folder / "points")
        self._definitions = write_definitions(folder / "definitions")
        self._settings, self._hosts, self._runs = settings, 0, 0
        self.host = self._new_host(0)
        try:
            self.server = self._new_server()
        except AssertionError:
            self.host.kill()
            raise

    def _new_host(self, port: int) -> CountedHost:
        self._hosts += 1
        return CountedHost(self.folder / f"host-{self._hosts}", self.log, port)

    def _new_server(self) -> Server:
        settings: dict[str, Any] = {
            "definitions": [str(self._definitions)],
            "backends": [{"name": "studio", "url": self.host.url}],
            "embedded": False,
            "probe_s": 0.5,
            "log_level": "error",
        }
        command = ("-m", "tests.doubles.launcher", str(self.points.folder))
        return Server(self.exports, command, **{**settings, **self._settings})

    def close(self) -> None:
        """End both, in whatever state they are."""
        self.points.disarm()
        for program in (self.server, self.host):
            program.kill()

    # What happens

    def begin(self, seed: int, work_s: float = 0.0, fault: str = "none") -> Run:
        """Ask for a run of three takes; from a thread, since a server that stops gives no answer."""
        self._runs += 1
        gates = self.folder / "gates" / str(self._runs)
        gates.mkdir(parents=True)
        before = set(self.exports.iterdir())
        params = {"gate": str(gates), "work_s": work_s, "fault": fault}
        body = {"input_text": f"run {seed}", "output_config": "takes", "seed": seed, "params": params}
        answers: list[tuple[int, Any]] = []
        thread = threading.Thread(target=self._ask, args=(self.server, body, answers), daemon=True)
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if answers:
                status, told = answers[0]
                assert status == 202, f"the run was not accepted: {told}"
                return Run(told["run_id"], seed, self.exports / told["run_id"], gates)
            if self.points.stopped:  # with this run, before its answer was sent
                folder = next(path for path in set(self.exports.iterdir()) - before if _is_of(path, seed))
                return Run(folder.name, seed, folder, gates)
            time.sleep(0.002)
        raise AssertionError("the run was not accepted")

    def _ask(self, server: Server, body: dict[str, Any], answers: list[tuple[int, Any]]) -> None:
        try:
            answers.append(server.execute(**body, wait=False, schema="dada"))
        except (OSError, HTTPException):  # it was killed
            return

    def kill_server(self) -> None:
        self.points.disarm()
        self.server.kill()

    def start_server(self) -> None:
        self.server = self._new_server()

    def kill_host(self) -> None:
        self.host.kill()

    def start_host(self) -> None:
        """A successor at the same address, which knows nothing of what was before."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.host = self._new_host(self.host.port)
                return
            except ValueError:  # it said no port: somebody else had it for a moment
                if time.monotonic() > deadline:
                    raise

    # What must be true

    def order(self, run: Run) -> list[int]:
        """The takes as the host got them; two that have their turn together may come either way. The others follow."""
        came = list(dict.fromkeys(one.take for one in self.submitted(run)))
        return [*came, *(take for take in range(1, TAKES + 1) if take not in came)]

    def open(self, run: Run, takes: int) -> None:
        """Let the host finish the first `takes` that it gets."""
        deadline = time.monotonic() + PATIENCE_S
        while len({one.take for one in self.submitted(run)}) < min(takes, 2):
            assert time.monotonic() < deadline, f"the host got too few takes: {self.server.run(run.run_id)}"
            time.sleep(POLL_S)
        for take in self.order(run)[:takes]:
            (run.gates / str(run.seed + take - 1)).touch()

    def first_take_done(self, run: Run) -> None:
        """Wait until the take that came first is finished."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            stages = {stage["name"]: stage for stage in self.server.run(run.run_id)["stages"]}
            takes = stages["generation"].get("takes", []) if "generation" in stages else []
            if any(take["take"] == self.order(run)[0] and take["state"] == "success" for take in takes):
                return
            time.sleep(POLL_S)
        raise AssertionError(f"the first take did not end: {self.server.run(run.run_id)}")

    def ended(self, run: Run) -> bool:
        return self.server.run(run.run_id)["status"] not in ("queued", "running")

    def end_of(self, run: Run, patience_s: float = 2 * PATIENCE_S) -> dict[str, Any]:
        """The run once it has ended; whoever asks for its media before gets whole files or none."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            run.seen.look(run.folder)
            for index in range(TAKES):
                status, content = self.server.call("GET", f"/api/media/audio/{run.run_id}/{index}")
                if status == 200:
                    run.seen.hashes.setdefault("", set()).add(hashlib.sha256(content).hexdigest())
                elif status != 404:
                    raise AssertionError(f"media are answered with {status}: {content!r:.300}")
            told = self.server.run(run.run_id)
            if told["status"] not in ("queued", "running"):
                return told
            time.sleep(POLL_S)
        raise AssertionError(f"{run.run_id} did not end: {self.server.run(run.run_id)}")

    def submitted(self, run: Run) -> list[Submission]:
        return submissions(self.log, run.run_id)

    def faults(self, run: Run, told: dict[str, Any]) -> list[str]:
        """What is wrong with a run that ended with success: nothing, where nothing was lost or mixed up."""
        entities = [entity for entity in told["entities"] if entity["media"] == "audio"]
        found = [f"status {told['status']}: {told['error']}"] * (told["status"] != "success")
        found += [f"submitted twice: {one}" for one in twice(self.submitted(run))]
        found += [f"left behind: {path.name}" for path in run.folder.glob("*.part")]
        lengths = {entity["take"]: entity["facts"]["seconds"] for entity in entities}
        wanted = {take: length_s(run.seed + take - 1) for take in range(1, TAKES + 1)}
        if sorted(lengths) != sorted(wanted) or any(abs(lengths[take] - wanted[take]) > 0.001 for take in wanted):
            found.append(f"takes are {lengths} seconds long instead of {wanted}")
        listed = {entity["filename"]: entity["sha256"] for entity in entities}
        on_disk = Seen()
        on_disk.look(run.folder)
        if {name: {digest} for name, digest in listed.items()} != on_disk.hashes:
            found.append(f"the folder has {on_disk.hashes}, the record {listed}")
        for name, hashes in run.seen.hashes.items():
            allowed = set(listed.values()) if name == "" else {listed.get(name)}
            found += [f"half a file was to be seen as {name or 'media'}"] * bool(hashes - allowed)
        for index, entity in enumerate(sorted(entities, key=lambda one: (one["number"], one["take"]))):
            status, content = self.server.call("GET", f"/api/media/audio/{run.run_id}/{index}")
            if status != 200 or hashlib.sha256(content).hexdigest() != entity["sha256"]:
                found.append(f"take {entity['take']} is served as {status} and something else")
        return found

    def per_take(self, run: Run) -> Counter[int]:
        return Counter(one.take for one in self.submitted(run))


def _is_of(folder: Path, seed: int) -> bool:
    text = folder / "02_input.txt"
    return text.is_file() and text.read_text() == f"run {seed}"
