"""`python -m tests.soak.frozen`: how quickly a server answers while its database does not, with ten runs at work.

Each of three freezes: PostgreSQL is stopped for 20 s; commits and fsyncs of SQLite do not end for 5 s; another program
holds the journal's write lock for 5 s.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from tests.doubles.frozen import RUNS, Alone, Asked, Ten
from tests.doubles.postgres import Postgres
from tests.doubles.programs import Server
from tests.doubles.together import Together
from tests.doubles.watched_database import Watch

EVERY_S = 0.02
EXECUTE = "/api/schema/pipeline/execute"
BODY = {"input_text": "refused", "output_config": "takes", "safety_level": "off", "wait": False}


@dataclass
class Figures:
    """What was measured in seconds; `health_s` holds every answer of /health."""

    health_s: list[float]
    ready_s: float
    execute_s: float

    def line(self, name: str) -> str:
        p99 = quantiles(self.health_s, n=100)[98]
        health = f"/health p50 {1000 * quantiles(self.health_s, n=2)[0]:.1f} ms, p99 {1000 * p99:.1f} ms"
        others = f"/ready says no after {self.ready_s:.2f} s, execute 503 after {self.execute_s:.2f} s"
        return f"{name}: {health} of {len(self.health_s)}, {others}"


def timed(asked: Asked, method: str, path: str, wanted: int, body: object = None) -> float:
    """Return the seconds until an answer has this status, asked again and again."""
    begun = time.monotonic()
    while asked.ask(method, path, body)[0] != wanted:
        time.sleep(EVERY_S)
    return time.monotonic() - begun


def measure(server: Server, freeze: AbstractContextManager[None], seconds: float, ten: Ten) -> Figures:
    figures = Figures([], 0.0, 0.0)
    over = threading.Event()

    def ask_health() -> None:
        asked = Asked(server)
        while not over.wait(EVERY_S):
            begun = time.monotonic()
            assert asked.ask("GET", "/health")[0] == 200
            figures.health_s.append(time.monotonic() - begun)
        asked.connection.close()

    def ask_execute() -> None:
        asked = Asked(server)
        figures.execute_s = timed(asked, "POST", EXECUTE, 503, BODY)
        asked.connection.close()

    def ask_ready() -> None:
        asked = Asked(server)
        figures.ready_s = timed(asked, "GET", "/ready", 503)
        asked.connection.close()

    threads = [threading.Thread(target=work) for work in (ask_health, ask_execute, ask_ready)]
    with freeze:
        begun = time.monotonic()
        ten.place.open(*ten.seeds)
        for thread in threads:
            thread.start()
        time.sleep(seconds - (time.monotonic() - begun))
        assert ten.listener.is_open
        over.set()
    for thread in threads:
        thread.join()
    ten.check_ends()
    return figures


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="frozen-") as place:
        for name in ("commits and fsyncs of SQLite held for 5 s", "write lock of SQLite held for 5 s"):
            folder = Path(place, name.partition(" ")[0])
            folder.mkdir()
            watch = Watch(folder)
            alone = Alone(folder, watch.command)
            server = alone.server("one")
            ten = Ten(alone, server)
            freeze = alone.locked() if "lock" in name else watch.held()
            say(measure(server, freeze, 5.0, ten).line(name))
            ten.close()
            alone.close()
        with Postgres() as postgres:
            together = Together(Path(place), postgres.new_database())
            server = together.server("one", "all")
            ten = Ten(together, server)
            say(measure(server, stopped(postgres), 20.0, ten).line("PostgreSQL stopped for 20 s"))
            ten.close()
            together.close()
    say(f"all {RUNS} runs of each ended with success, each submitted once")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
