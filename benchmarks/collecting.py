"""How long a finished file lies at the backend: until it is asked for, and until it stands in `exports/`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from watchdog.events import FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from benchmarks.host import TIMES
from benchmarks.numbers import p99, spread
from benchmarks.processes import backend, server
from benchmarks.row import Bench, Row
from benchmarks.ways import Through, session

SEEN_GOAL_S, FINAL_GOAL_S = 0.020, 0.050
SEEN, FINAL = "file closed by the backend until we ask for it", "file closed by the backend until final in exports/"
GOALS = {SEEN: "p99 20 ms", FINAL: "p99 50 ms"}
WARM = 5


class _Finals(FileSystemEventHandler):
    """When a run's main sound got its name, by run."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def on_moved(self, event: FileSystemEvent) -> None:
        path = Path(str(event.dest_path))
        if isinstance(event, FileMovedEvent) and path.name.startswith("07_"):
            self.at[path.parent.name] = time.monotonic()


async def measure(bench: Bench) -> list[Row]:
    if bench.comfyui_url is not None:
        return [Row(what, "a real ComfyUI does not tell when it closed a file", goal) for what, goal in GOALS.items()]
    exports, finals, observer = bench.folder / "collecting" / "exports", _Finals(), Observer()
    async with (
        session() as http,
        backend(bench, "collecting") as backend_url,
        server(exports, backend_url) as (server_url, _),
    ):
        observer.schedule(finals, str(exports), recursive=True)
        await asyncio.to_thread(observer.start)
        runs = [await Through(http, server_url).run(0.1) for _ in range(bench.count(200, 5) + WARM)]
        async with http.get(backend_url + TIMES) as answer:
            times: dict[str, dict[str, Any]] = (await answer.json())["files"]
        observer.stop()
        await asyncio.to_thread(observer.join)
    files = {name.split("/")[1]: told for name, told in times.items()}
    ours = [run["run_id"] for run in runs[WARM:]]
    seen = [files[run]["asked"] - files[run]["closed"] for run in ours]
    final = [finals.at[run] - files[run]["closed"] for run in ours]
    return [_row(SEEN, seen, SEEN_GOAL_S), _row(FINAL, final, FINAL_GOAL_S)]


def _row(what: str, seconds: list[float], goal_s: float) -> Row:
    return Row(what, spread(seconds), GOALS[what], p99(seconds) <= goal_s, {"p99_s": p99(seconds)})
