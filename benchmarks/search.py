"""Listing, filtering and searching in a hundred thousand runs, over HTTP: the newest page, and one far back."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from time import perf_counter

import yaml
from aiohttp import ClientSession

from benchmarks.numbers import ms, p99, spread
from benchmarks.processes import host, server
from benchmarks.row import Bench, Row
from benchmarks.ways import session
from devserver.durable.bus import Bus
from devserver.durable.journal import Journal
from devserver.durable.opening import open_database
from devserver.durable.writing import NewRun, Writing
from devserver.model.entity import Entity
from devserver.model.rows import Place, RunState
from devserver.system.clock import Clock
from devserver.system.sniff import Medium

RUNS, FEW_RUNS = 100_000, 500
GOAL_S = 0.020
PROMPTS = Path(__file__).parents[1] / "tests" / "nodes" / "prompting"
OUTPUTS = ("acestep_song", "procedural_instrumental", "musicgen", "ltx_video")
STATES: tuple[RunState, ...] = ("success",) * 940 + ("failed",) * 50 + ("cancelled",) * 9 + ("blocked",)
PLAN_BYTES = 20_000  # what a plan usually has
RARE = "badofe"  # made of syllables: one run in some hundreds has it
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SYLLABLES = "ba do fe gu ka li mo na po ra si tu va we xo zu".split()  # noqa: SIM905 - easier to read


async def measure(bench: Bench) -> list[Row]:
    exports = bench.folder / "search" / "exports"
    count = bench.count(RUNS, FEW_RUNS)
    begin = perf_counter()
    middle = fill(exports / ".state" / "journal.sqlite", count)
    filled_s = perf_counter() - begin
    async with (
        session() as http,
        host(bench.folder / "search" / "agent", "benchmarks.host", "--table", "paced") as backend_url,
        server(exports, backend_url) as (url, _),
    ):
        taken = {name: await ask(http, url, query, bench.count(200, 5)) for name, query in questions(middle)}
    every = [second for seconds in taken.values() for second in seconds]
    slowest = max(taken, key=lambda name: p99(taken[name]))
    worst = f"the slowest of {len(taken)} questions ({slowest}): {spread(taken[slowest])}"
    return [
        Row(
            f"list, filter and full-text search in {count:,} runs, pages of 50 over HTTP",
            f"{spread(every)}; {worst}; filled with {filled_s / count * 1e3:.2f} ms a run",
            f"p99 {ms(GOAL_S)} for each question",
            p99(taken[slowest]) <= GOAL_S,
            {name: p99(seconds) for name, seconds in taken.items()} | {"mean_s": mean(every), "filled_s": filled_s},
        )
    ]


def questions(middle: str) -> list[tuple[str, dict[str, str]]]:
    """What users ask: words that nearly every run has, and words that hardly any has."""
    return [
        ("newest", {}),
        ("from the middle on", {"before": middle}),
        ("a status", {"status": "failed"}),
        ("a rare status", {"status": "blocked"}),
        ("an output", {"output": "musicgen"}),
        ("a common word", {"q": "piano"}),
        ("a common word from the middle on", {"q": "piano", "before": middle}),
        ("two common words", {"q": "slow piano"}),
        ("a rare word", {"q": RARE}),
        ("a beginning", {"q": "p*"}),
        ("a phrase", {"q": '"with a"'}),
        ("a common word and a rare status", {"q": "piano", "status": "blocked"}),
        ("a common word, a status and an output", {"q": "piano", "status": "success", "output": "musicgen"}),
        ("a word that is not there", {"q": "piano qqqq"}),
    ]


async def ask(http: ClientSession, url: str, query: dict[str, str], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        begin = perf_counter()
        async with http.get(f"{url}/api/runs", params=query) as reply:
            assert reply.status == 200
            listed = await reply.json()
        taken.append(perf_counter() - begin)
    assert listed["runs"] or "qqqq" in query.get("q", "") or query.get("status") == "blocked"
    return taken


def fill(path: Path, count: int) -> str:
    """A journal of runs that have ended; the id of one in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = open_database(path)
    journal = Journal(database, Clock(), Bus(Clock()))
    draw = random.Random(1)
    texts = text_of_runs(draw)
    middle = ""
    with database.door() as door:
        for number in range(count):
            at = FIRST + timedelta(seconds=number * 97)
            run_id = f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
            middle = run_id if number == count // 2 else middle
            write = add(run_id, at, next(texts), draw)
            door.write(lambda tx: journal.write_in(tx, write))  # noqa: B023 - called at once
    database.close()
    return middle


def add(run_id: str, at: datetime, text: str, draw: random.Random) -> Callable[[Writing], None]:
    """What writes a run that has ended."""
    created_at = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    new = NewRun(
        run_id,
        user_id="local",
        title=text[:60],
        schema="plain",
        output_config=draw.choice(OUTPUTS),
        plan=json.dumps({"input_text": text, "rest": "x" * (PLAN_BYTES - len(text))}),
        created_at=created_at,
        entities=[file("04_interception.txt", "file"), file("07_output_audio.mp3", "audio")],
        text=text,
    )

    def write(writing: Writing) -> None:
        writing.add_run(new)
        place = Place(run_id, writing.begin_run(run_id).generation)
        writing.end_run(place, draw.choice(STATES), created_at, None, f"{text} {text[::2]}")

    return write


def file(name: str, media: Medium) -> Entity:
    number, _, rest = name.partition("_")
    return Entity(
        number=int(number),
        type=rest.partition(".")[0],
        media=media,
        stage="generation",
        take=1,
        role="main",
        filename=name,
        bytes=480_000,
        sha256="0" * 64,
        mime="audio/mpeg",
    )


def text_of_runs(draw: random.Random) -> Iterator[str]:
    """Texts as users write them, with words of their own: names, places, words that nobody else uses."""
    written = [one["text"] for path in sorted(PROMPTS.glob("*.yaml")) for one in yaml.safe_load(path.read_text("utf8"))]
    while True:
        own = ["".join(draw.choice(SYLLABLES) for _ in range(3)) for _ in range(5)]
        common = draw.sample(["piano", "slow", "warm", "with a", "night", "drums", "bass"], 3)
        yield " ".join([draw.choice(written), *common, *own])
