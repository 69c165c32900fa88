"""`python -m benchmarks.where`: where the milliseconds of a run go, as a table in Markdown.

The server runs in this process, so that calls in it can be timed; its client and its backend are processes of their
own. Times are medians of runs that are made in turns with those of a bare client.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any, Final

from benchmarks.processes import backend
from benchmarks.row import Bench
from benchmarks.ways import Bare, Through, session
from cli.build import build_app
from cli.keys import front_settings, keys_of
from config import BackendSettings, Settings
from devserver import app
from devserver.comfy.client import Client
from devserver.durable.journal import Journal
from devserver.media.intake import IntakePool
from devserver.model.events import RunEnded
from devserver.runs import record
from devserver.runs.runs import Runs
from devserver.stages.graph import kind
from devserver.watching.logs import configure
from my_app.front import create_front, listen_at

COUNT: Final = 100
WARM: Final = 5
SECONDS: Final = 0.1  # of sound, and as long as its saving takes at the backend
# What is called next in a run, where that is (an object and a name), and what the time up to it was spent on.
CALLED: Final[tuple[tuple[Any, str, str], ...]] = (
    (Runs, "accept", "the request comes in"),
    (record, "prepare", "the request is checked and planned"),
    (Journal, "add_run", "folder, plan and text are written"),
    (app, "walk_run", "commit: the run is accepted"),
    (kind, "run_graph", "commit: the walk and the text stages begin"),
    (Client, "submit", "choice, graph, ticket, attempt: two commits and three files"),
    (Client, "history", "the backend takes and runs the prompt, and says that it has ended"),
    (Client, "fetch", "its history is asked; commit: a file is taken in"),
    (IntakePool, "ingest", "the file is fetched"),
    (record, "_write_final", "a worker tags, decodes, hashes and syncs it; commit: attempt, take and stage have ended"),
)
PUBLISHED: Final = "the record is written; commit: the run has ended"
ANSWERED: Final = "the answer"
FETCHED: Final = "the client fetches the file"


class Marks:
    """The moment of each call in the run that is made now."""

    def __init__(self) -> None:
        self.runs: list[dict[str, float]] = []

    def note(self, name: str) -> None:
        if name == CALLED[0][2]:
            self.runs.append({})
        self.runs[-1].setdefault(name, monotonic())

    def listen(self) -> None:
        """Note from now on when something is called."""
        for owner, name, spent in CALLED:
            setattr(owner, name, self._noting(getattr(owner, name), spent))
        publish = Journal.publish

        def publish_noting(journal: Journal, written: list[Any]) -> None:
            publish(journal, written)
            if any(isinstance(one.event.data, RunEnded) for one in written):
                self.note(PUBLISHED)

        Journal.publish = publish_noting  # type: ignore[method-assign,assignment] # the same, timed

    def _noting(self, original: Callable[..., Any], spent: str) -> Callable[..., Any]:
        @wraps(original)
        def noting(*args: Any, **named: Any) -> Any:
            self.note(spent)
            return original(*args, **named)

        return noting


async def measure(bench: Bench) -> Iterator[str]:
    """Make runs and return the lines of the table."""
    marks = Marks()
    marks.listen()
    configure("error", "text")
    async with backend(bench, "where") as backend_url:
        backends = [BackendSettings(name="b", url=backend_url)]
        settings = Settings(exports=bench.folder / "exports", port=0, discover=False, embedded=False, backends=backends)
        served = await build_app(settings)
        listening = await listen_at(
            create_front(served, front_settings(settings, keys_of(settings)), version="x"), settings.host, 0
        )
        try:
            await served.start()
            command = [sys.executable, "-m", "benchmarks.where", listening.url, backend_url]
            client = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
            told, _ = await client.communicate()
        finally:
            await listening.close()
            await served.stop()
            served.exports.unlock()
    return table(marks.runs[WARM:], json.loads(told))


def table(runs: list[dict[str, float]], told: list[list[float]]) -> Iterator[str]:
    """Yield the lines: what each step took, and what a bare client took in all."""
    names = [spent for _, _, spent in CALLED] + [PUBLISHED, ANSWERED, FETCHED]
    spent_s: dict[str, list[float]] = {name: [] for name in names}
    for marks, (begin_s, answered_s, fetched_s, _) in zip(runs, told, strict=True):
        last_s = begin_s
        for name in names:
            at_s = {**marks, ANSWERED: answered_s, FETCHED: fetched_s}[name]
            spent_s[name].append(at_s - last_s)
            last_s = at_s
    yield from ("| what | ms |", "|---|---|")
    yield from (f"| {name} | {statistics.median(taken) * 1e3:.1f} |" for name, taken in spent_s.items())
    through, bare = (statistics.median(taken) * 1e3 for taken in ([t[2] - t[0] for t in told], [t[3] for t in told]))
    yield f"| in all, {through - bare:.1f} more than a bare client ({bare:.1f}) | {through:.1f} |"


async def call(url: str, backend_url: str) -> None:
    """Be the client: print when each run was asked for, answered and fetched, and what a bare client takes."""
    told: list[list[float]] = []
    async with session() as http, Bare(http, backend_url).listening() as bare:
        through = Through(http, url)
        for _ in range(WARM + COUNT):
            begin_s = monotonic()
            await bare.make(SECONDS)
            bare_s, begin_s = monotonic() - begin_s, monotonic()
            answer = await through.run(SECONDS)
            answered_s = monotonic()
            async with http.get(url + answer["media_output"]["url"]) as file:
                await file.read()
            told.append([begin_s, answered_s, monotonic(), bare_s])
    json.dump(told[WARM:], sys.stdout)


def main() -> None:
    if sys.argv[1:]:
        asyncio.run(call(*sys.argv[1:]))
        return
    with tempfile.TemporaryDirectory(prefix="tonewright-where-") as folder:
        print("\n".join(asyncio.run(measure(Bench(Path(folder))))))


if __name__ == "__main__":
    main()
