"""`python -m benchmarks.host`: the benchmark's backend, which remembers when what happened to each prompt."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.nodes import CLOSED
from devserver.host.__main__ import serve
from devserver.host.host import Host
from devserver.host.prompts import Prompt

TIMES = "/benchmark/times"


class TimedHost(Host):
    """A host that tells, at `TIMES`, when prompts began and ended, and when files were closed and first asked for.

    All of it in seconds of the clock that the processes of one machine share.
    """

    def __init__(self, table: str, base: Path) -> None:
        super().__init__(table, base)
        self.runs: list[tuple[float, float]] = []
        self.files: dict[str, dict[str, float]] = {}

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_get(TIMES, self._get_times)
        return app

    async def run(self, prompt: Prompt) -> None:
        began = time.monotonic()
        await super().run(prompt)
        self.runs.append((began, time.monotonic()))

    def handle_event(self, prompt: Prompt, event: str, data: dict[str, Any]) -> None:
        if event == "executed" and CLOSED in data["output"]:
            (closed,) = data["output"].pop(CLOSED)
            for entry in data["output"]["audio"]:
                self.files[f"{entry['subfolder']}/{entry['filename']}"] = {"closed": closed}
        super().handle_event(prompt, event, data)

    async def _get_view(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.query.get('subfolder', '')}/{request.query.get('filename')}"
        if name in self.files:
            self.files[name].setdefault("asked", time.monotonic())
        return await super()._get_view(request)

    async def _get_times(self, _request: web.Request) -> web.Response:
        return web.json_response({"runs": self.runs, "files": self.files})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.host", description=__doc__)
    parser.add_argument("--table", choices=["paced", "instant", "mixed"], default="paced")
    parser.add_argument("--base", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(TimedHost(f"benchmarks.nodes:{options.table}", options.base), 0, standalone=False))


if __name__ == "__main__":
    main()
