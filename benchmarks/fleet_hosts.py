"""The fleet of the benchmark: a real server and a host for each card, driven over HTTP as a stranger would do it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout

from benchmarks.fleet_nodes import TABLE, Made, Profile, graph, work_of, write_definitions
from benchmarks.fleet_rules import Card, Take
from benchmarks.processes import QUIET, ROOT, listening_at, started
from benchmarks.usage import tree
from devserver.users.keys import Keys

EXECUTE: Final = "/api/schema/pipeline/execute"
LOOK_S: Final = 0.1
PATIENCE_S: Final = 120.0
COLD_S: Final = 0.5  # a card's first take of a model, which says nothing of one that is loaded
SAMPLES_S: Final = (1.0, 1.5, 2.0, 3.0, 4.0)  # the takes by which a fleet becomes warm


@dataclass
class Host:
    """A card's host: its folder and its port, which it keeps whether it runs or not."""

    name: str
    base: Path
    port: int
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def work(self) -> list[Made]:
        return work_of(self.base)


@dataclass
class Fleet:
    """Hosts behind a server, and the runs that were asked for.

    Attributes:
        accepted: when each run that is judged was accepted, in the order of asking.
        ended: when each run was told to have ended; `statuses` says how.
    """

    http: ClientSession
    url: str
    hosts: dict[str, Host]
    running: contextlib.AsyncExitStack
    keys: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, user: str = "admin") -> Any:
        headers = {"Authorization": f"Bearer {self.keys[user]}"} if self.keys else {}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            told = await answer.json()
            assert answer.status < 400, told
        return told

    async def ask(self, take: Take, user: str = "admin", **more: Any) -> str:
        """Ask for a run of one take; return its id."""
        body: dict[str, Any] = {
            "schema": "plain",
            "input_text": "a tone",
            "output_config": take.model,
            "safety_level": "off",
        }
        body |= {"params": {"seconds": take.seconds}, "wait": False, "fallback": False, **more}
        run_id: str = (await self.call("POST", EXECUTE, body, user))["run_id"]
        self.accepted[run_id] = time.monotonic()
        return run_id

    async def make(self, takes: Sequence[Take]) -> float:
        """Ask for takes one after the other; return the seconds from the first accept to the last end."""
        runs = [await self.ask(take) for take in takes]
        return await self.until_ended(runs)

    async def until_ended(self, runs: Sequence[str]) -> float:
        """Return the seconds from the first accept of these runs to their last end.

        Raises:
            TimeoutError: nothing ended for minutes.
        """
        while not all(run_id in self.ended for run_id in runs):
            latest = max([*self.ended.values(), *(self.accepted[run_id] for run_id in runs)])
            if time.monotonic() - latest > PATIENCE_S:
                raise TimeoutError(f"nothing ended for {PATIENCE_S:g} s: {await self.call('GET', '/api/queue')}")
            await asyncio.sleep(LOOK_S)
        return max(self.ended[run_id] for run_id in runs) - min(self.accepted[run_id] for run_id in runs)

    async def listen(self) -> None:
        """Note when runs end, for as long as the server tells it."""
        headers = {"Authorization": f"Bearer {self.keys['admin']}"} if self.keys else {}
        async with self.http.get(self.url + "/api/events", headers=headers) as events:
            kind = ""
            async for line in events.content:
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: ") and kind == "run.ended":
                    told = json.loads(line[6:])
                    self.ended.setdefault(told["run_id"], time.monotonic())
                    self.statuses[told["run_id"]] = told["data"].get("status", "")

    # Hosts

    async def start_host(self, host: Host) -> None:
        command = ["-m", "devserver.host", "--table", TABLE, "--port", str(host.port), "--base", str(host.base)]
        host.process = await self.running.enter_async_context(started(sys.executable, *command))
        assert host.process.stdout
        await host.process.stdout.readline()

    async def kill_host(self, host: Host) -> None:
        assert host.process is not None
        host.process.kill()
        await host.process.wait()

    def signal(self, host: Host, number: int) -> None:
        """Send a signal to a host and to the process in which its nodes run."""
        assert host.process is not None
        for pid in tree(host.process.pid):
            os.kill(pid, number)

    async def held(self, host: Host) -> list[str]:
        """Return the runs that a host was given."""
        told = await self.call("GET", "/api/queue")
        backend = next(one for one in told["backends"] if one["name"] == host.name)
        return [entry["run_id"] for entry in backend["held"]]

    async def handed_over_at(self, run_id: str) -> float:
        """Return when a run's take was handed over to a host, in seconds of the day's clock."""
        told = await self.call("GET", f"/api/runs/{run_id}")
        attempt = told["stages"][-1]["attempts"][0]
        return datetime.fromisoformat(attempt["started_at"]).timestamp()

    async def occupy(self, host: Host, seconds: float) -> None:
        """Send a stranger's prompt to a host directly, and wait until it runs."""
        async with self.http.post(f"{host.url}/prompt", json={"prompt": graph("west", seconds, "stranger")}) as answer:
            assert answer.status == 200, await answer.text()
        await self.until_begun("stranger")

    async def until_begun(self, prefix: str) -> None:
        """Wait until a host has begun a prompt whose files are named like this."""
        while not any(one.prefix.startswith(prefix) for host in self.hosts.values() for one in host.work):  # noqa: ASYNC110 - it is another process that writes
            await asyncio.sleep(LOOK_S)

    def begun(self, kind: str = "begun") -> list[tuple[Made, Host]]:
        """Return what the hosts have begun (or ended) of our runs, in order of time."""
        found = [(one, host) for host in self.hosts.values() for one in host.work]
        ours = [(one, host) for one, host in found if one.kind == kind and one.run_id in self.accepted]
        return sorted(ours, key=lambda pair: pair[0].at)

    # The server

    async def backends(self) -> list[dict[str, Any]]:
        told = await self.call("GET", "/api/backends")
        listed: list[dict[str, Any]] = told["backends"]
        return listed

    async def until_up(self, names: Sequence[str]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not set(names) <= {one["name"] for one in await self.backends() if one["state"] == "up"}:
            assert time.monotonic() < until, await self.backends()
            await asyncio.sleep(LOOK_S)

    async def warm(self, models: Sequence[str], seconds: Sequence[float] = SAMPLES_S) -> None:
        """Make samples of each output on each card after one that loads it, the queues of the others being paused."""
        names = list(self.hosts)
        for name in names:
            await self.call("POST", "/api/queue/resume", {"backend": name})
            for other in names:
                if other != name:
                    await self.call("POST", "/api/queue/pause", {"backend": other})
            for model in models:
                await self.make([Take(one, model) for one in (COLD_S, *seconds)])
        await self.call("POST", "/api/queue/resume", {})
        self.accepted.clear()


@contextlib.asynccontextmanager
async def fleet(
    folder: Path, cards: Sequence[Card], *, later: Sequence[Card] = (), users: Sequence[str] = ()
) -> AsyncIterator[Fleet]:
    """A server with a host for each card; those of `later` are configured, but do not run yet."""
    hosts: dict[str, Host] = {}
    for number, card in enumerate([*cards, *later]):
        host = Host(f"card{number}", folder / f"card{number}", _free_port())
        host.base.mkdir(parents=True)
        Profile(card.speed, card.load_s).write(host.base)
        hosts[host.name] = host
    exports = folder / "exports"
    environment = {
        **QUIET,
        "TONEWRIGHT_EMBEDDED": "false",
        "TONEWRIGHT_DEFINITIONS": json.dumps([str(write_definitions(folder / "definitions"))]),
        "TONEWRIGHT_BACKENDS": json.dumps([{"name": host.name, "url": host.url} for host in hosts.values()]),
    }
    keys = Keys(exports / ".state")
    secrets = {name: keys.add(name, admin=name == "admin") for name in (["admin", *users] if users else [])}
    timeout = ClientTimeout(total=None, sock_read=PATIENCE_S)
    async with contextlib.AsyncExitStack() as running:
        http = await running.enter_async_context(ClientSession(timeout=timeout))
        made = Fleet(http, "", hosts, running, secrets)
        await asyncio.gather(*(made.start_host(host) for host in list(hosts.values())[: len(cards)]))
        command = [sys.executable, str(ROOT / "server.py"), "serve", "--port", "0", "--exports", str(exports)]
        server = await running.enter_async_context(started(*command, environment=environment))
        made.url = await listening_at(server)
        listening = asyncio.create_task(made.listen())
        try:
            await made.until_up(list(hosts)[: len(cards)])
            yield made
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
