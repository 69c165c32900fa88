"""Runs whose server, backend, worker process or journal is killed, and runs for which there is no room."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.doubles.kill_points import Points
from tests.doubles.postgres import Postgres
from tests.doubles.programs import ROOT, NodeHost, Server
from tests.doubles.reencode import tone, written
from tests.doubles.unprivileged import limit_file_size, own_folder, unprivileged
from tests.kept.runs.ends import GATED, begun, gate, server_of, until
from tests.kept.runs.inputs import sent
from tests.kept.runs.making import TABLE
from tests.kept.runs.seen import PORT, RECORD, made, seen
from tests.kept.scenario import Scenario

KILLS: Final = 5  # as often as a stage may begin
WORKER: Final = re.compile(r"spawn_main|devserver\.processes\.workers")
LONG: Final[dict[str, Any]] = {
    "output_config": "procedural_instrumental",
    "params": {"seconds": 600, "stems": False},
    "seed": 3,
}


def _killed_servers(folder: Path) -> dict[str, Any]:
    """Kill the server at work on a prompt, between journal and submission, and once every take is there."""
    cases: dict[str, Any] = {}
    points = Points(folder / "points")
    command = ("-m", "tests.doubles.launcher", str(points.folder))
    with NodeHost(folder / "host", TABLE) as host:
        server = server_of(folder, host, command=command)
        try:
            for seed, point in enumerate(("journalled", "running", "before_final"), start=1):
                points.arm(point)
                asked: dict[str, Any] = {"output_config": "one", "params": gate(folder / point), "seed": seed}
                run_id = begun(server, **asked)
                if point == "before_final":
                    (folder / point / str(seed)).touch()
                points.wait()
                points.disarm()
                server.kill()
                (folder / point / str(seed)).touch()
                server = server_of(folder, host, command=command)
                cases[f"server_killed_{point}"] = seen(server, run_id, drop=GATED)
            cases["intake_crashed"] = _crashed_intake(server, points)
        finally:
            server.kill()
    return cases


def _crashed_intake(server: Server, points: Points) -> dict[str, Any]:
    """Kill both worker processes that try to take in one file."""
    points.arm("tagged")
    run_id = begun(server, output_config="one", seed=9)
    for left in (1, 0):
        points.wait()
        if left:
            points.arm("tagged")
        else:
            points.disarm()
        for worker in workers_of(server.pid):
            os.kill(worker, signal.SIGKILL)
        os.kill(server.pid, signal.SIGCONT)
    return seen(server, run_id)


def workers_of(pid: int) -> list[int]:
    """Return the process ids of the server's worker processes, however they are started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children = [int(child) for child in (task / "children").read_text().split()]
        found += [one for one in children if WORKER.search(Path(f"/proc/{one}/cmdline").read_text())]
    return found


def _submitted(server: Server, run_id: str) -> bool:
    return any(row["prompt_id"] for row in server.run(run_id)["stages"][-1].get("attempts", []))


def _killed_embedded(folder: Path) -> dict[str, Any]:
    """Kill the embedded backend at work, then the server at work, again and again."""
    settings: dict[str, Any] = {"attempts": 100, "retry_pause_s": 0.01}
    with Server(folder / "exports", **settings) as server:
        short = begun(server, output_config="procedural_instrumental", seed=3, params={"seconds": 20, "stems": False})
        until(lambda: _submitted(server, short))
        os.kill(server.child("devserver.host"), signal.SIGKILL)
        cases = {"embedded_killed": seen(server, short)}
    server = Server(folder / "exports", **settings)
    try:
        run_id = begun(server, **LONG)
        for kill in range(1, KILLS + 1):
            until(partial(_is_at_work, server, run_id, kill, folder / "exports" / ".state" / "embedded"))
            server.kill()
            server = Server(folder / "exports", **settings)
        cases["stopped_the_server"] = seen(server, run_id)
    finally:
        server.kill()
    return cases


def _is_at_work(server: Server, run_id: str, attempt: int, embedded: Path | None = None) -> bool:
    """The attempt is submitted; where the `embedded` backend notes the prompt that it runs, it runs this one."""
    attempts = server.run(run_id)["stages"][-1].get("attempts", [])
    if len(attempts) < attempt or attempts[-1]["state"] != "running":
        return False
    noted = embedded / "running_prompt" if embedded is not None else None
    return noted is None or not noted.exists() or noted.read_text().strip("\x00 ") == attempts[-1]["prompt_id"]


def _killed_hosts(folder: Path) -> dict[str, Any]:
    """Kill one of two backends at work; let a backend take no file of the size that is sent."""
    cases: dict[str, Any] = {}
    with (
        NodeHost(folder / "host0", TABLE) as first,
        NodeHost(folder / "host1", TABLE) as second,
        server_of(folder, first, second, elsewhere_after_s=0.2) as server,
    ):
        run_id = begun(server, output_config="one", params=gate(folder / "gate"), seed=1)
        until(first.runs_something)
        first.kill()
        (folder / "gate" / "1").touch()
        cases["made_elsewhere"] = seen(server, run_id, drop=GATED)
    cases["not_stopped"] = _not_stopped(folder)
    definitions: dict[str, Any] = {"definitions": [str(written(folder / "own"))], "embedded": False}
    with NodeHost(folder / "host2", "embedded", 0, "--max-upload-bytes", str(2 << 20)) as host:
        backends = [{"name": "host", "url": host.url, "kind": "comfyui"}]
        with Server(folder / "exports2", backends=backends, **definitions) as server:
            audio = sent(server, tone(440, seconds=36))  # 3 MiB
            asked: dict[str, Any] = {"input_text": "x", "output_config": "reencode", "params": {"audio": audio}}
            cases["input_too_large"] = made(server, **asked, seed=3)
    return cases


def _not_stopped(folder: Path) -> dict[str, Any]:
    """Cancel a run whose backend has gone, so that nobody knows whether its prompt has ended."""
    with NodeHost(folder / "host3", TABLE) as host, server_of(folder / "own3", host, backend_wait_s=60) as server:
        run_id = begun(server, output_config="one", params=gate(folder / "gate3"), seed=1)
        until(host.runs_something)
        host.kill()
        until(lambda: server.call("GET", "/api/backends")[1]["backends"][0]["state"] == "down")
        server.call("POST", f"/api/runs/{run_id}/cancel")
        return seen(server, run_id, drop=GATED)


def _without_room(folder: Path) -> dict[str, Any]:
    """Let no file of the server grow, and take the right to write into a run's folder away."""
    silence: dict[str, Any] = {"input_text": "x", "output_config": "silence_mp3", "seed": 3}
    with own_folder() as own, NodeHost(folder / "host") as host:
        backends = [{"name": "studio", "url": host.url}]
        with Server(own / "exports", before=unprivileged(), embedded=False, backends=backends) as server:
            limit_file_size(server.pid, 1_500_000)
            cases = {"exports_full": made(server, **silence, params={"seconds": 45, "quality": "320k"})}
            limit_file_size(server.pid, None)
            server.call("POST", "/api/queue/pause", {})
            run_id = begun(server, output_config="silence_mp3", seed=3, params={"seconds": 1})
            until(lambda: server.call("GET", "/api/queue")[1]["backends"][0]["waiting"])
            (own / "exports" / run_id).chmod(0o555)
            server.call("POST", "/api/queue/resume", {})
            until(lambda: server.call("GET", f"/api/runs/{run_id}/answer")[0] != 202)
            (own / "exports" / run_id).chmod(0o755)
            cases["exports_unwritable"] = seen(server, run_id)
    return cases


def _on_postgres(folder: Path) -> dict[str, Any]:
    """Runs in the other database are as in the first one."""
    with ExitStack() as started:
        url = started.enter_context(Postgres()).new_database()
        host = started.enter_context(NodeHost(folder / "host", TABLE))
        server = started.enter_context(server_of(folder, host, database_url=url, node="studio"))
        asked: dict[str, Any] = {"input_text": "x", "seed": 1}
        cases = {"success": made(server, **asked, output_config="three")}
        cases["failed"] = made(server, **asked, output_config="one", params={"fault": "error"})
        cases["lost_and_retried"] = made(server, **asked, output_config="one", params={"fault": "gone_once"})
        run_id = begun(server, output_config="one", params=gate(folder / "gate"), seed=2)
        until(host.runs_something)
        server.call("POST", f"/api/runs/{run_id}/cancel")
        cases["cancelled"] = seen(server, run_id, drop=GATED)
    return cases


def _lost_journal(folder: Path) -> dict[str, Any]:
    """Delete the journal of an ended run and of one that is at work, and read it again from their folders."""
    with NodeHost(folder / "host", TABLE) as host:
        with server_of(folder, host) as server:
            ended = server.execute(input_text="x", output_config="three", seed=1)[1]["run_id"]
            at_work = begun(server, output_config="one", params=gate(folder / "gate"), seed=2)
            until(lambda: _is_at_work(server, at_work, 1) and (server.exports / at_work / RECORD).exists())
            server.kill()
        for path in (server.exports / ".state").glob("journal*"):
            path.unlink()
        command = [sys.executable, "server.py", "doctor", "--rebuild", "--exports", str(server.exports)]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        with server_of(folder, host) as again:
            lost = seen(again, at_work, final=False, drop=GATED)
            return {"journal_rebuilt": seen(again, ended), "journal_lost": lost}


SCENARIOS: Final = (
    Scenario("runs/losses/servers", _killed_servers),
    Scenario("runs/losses/embedded", _killed_embedded),
    Scenario("runs/losses/hosts", _killed_hosts, patterns=PORT),
    Scenario("runs/losses/rooms", _without_room, patterns={r"(?<=\.)[0-9a-f]{8}(?=\.part)": "drawn"}),
    Scenario("runs/losses/postgres", _on_postgres),
    Scenario("runs/losses/journals", _lost_journal),
)
