"""A host that writes down every prompt it takes, so that a test can count submissions over restarts of everybody.

`python -m tests.doubles.counting_host LOG --table ... --base ... --port ...`, the options being those of a host.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from devserver.host.__main__ import parse_arguments, serve
from devserver.host.host import Host
from tests.doubles.programs import NodeHost
from tests.doubles.take_nodes import TABLE, freed_mark


@dataclass(frozen=True)
class Submission:
    """One POST /prompt that was taken, by the process that took it."""

    pid: int
    prompt_id: str
    prefix: str

    @property
    def run_id(self) -> str:
        return self.prefix.split("/")[1]

    @property
    def take(self) -> int:
        return int(self.prefix.rsplit("_", 2)[1])


class CountingHost(Host):
    """Breaks off as many downloads as files lie in the folder `cuts` of its base, and takes one away each time."""

    log = Path()

    async def accept(self, body: dict[str, Any]) -> web.Response:
        answer = await super().accept(body)
        if answer.status == 200:
            inputs = [node["inputs"] for node in body["prompt"].values()]
            prefix = next(values["filename_prefix"] for values in inputs if "filename_prefix" in values)
            self._write({"pid": os.getpid(), "prompt_id": body["prompt_id"], "prefix": prefix})
        return answer

    async def _post_free(self, request: web.Request) -> web.Response:
        self._write({"free": await request.json()})
        freed_mark(self.folders.output.parent).touch()
        return await super()._post_free(request)

    async def _get_view(self, request: web.Request) -> web.StreamResponse:
        cut = next((self.folders.output.parent / "cuts").glob("*"), None)
        if cut is not None and request.method == "GET":
            cut.unlink()
            assert request.transport is not None
            request.transport.abort()
        return await super()._get_view(request)

    def _write(self, line: dict[str, Any]) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")


class CountedHost(NodeHost):
    """The program; with the same log several of them, one after another, are counted together."""

    def __init__(self, base: Path, log: Path, port: int = 0) -> None:
        self.log = log
        super().__init__(base, TABLE, port, module=["tests.doubles.counting_host", str(log)])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def submissions(log: Path, run_id: str = "") -> list[Submission]:
    """What the hosts with this log have taken, in order; of one run, or of all."""
    told = [Submission(**line) for line in _lines(log) if "prompt_id" in line]
    return [one for one in told if run_id in ("", one.run_id)]


def times_freed(log: Path) -> int:
    return sum(line.get("free") == {"unload_models": True, "free_memory": True} for line in _lines(log))


def twice(told: list[Submission]) -> list[tuple[int, str, int]]:
    """(pid, run_id, take) of takes that one host got more than once: the first submission was alive there."""
    counted = Counter((one.pid, one.run_id, one.take) for one in told)
    return [key for key, times in counted.items() if times > 1]


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def main() -> None:
    CountingHost.log = Path(sys.argv.pop(1))
    options = parse_arguments()
    host = CountingHost(options.table, options.base, options.max_upload_bytes)
    asyncio.run(serve(host, options.port, standalone=options.standalone))


if __name__ == "__main__":
    main()
