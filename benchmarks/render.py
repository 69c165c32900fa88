"""How fast music is rendered: each genre's stems and mix, and the whole way from a request to its files.

Processor time counts what others on the machine do not; the clock is what a user waits.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from aiohttp import ClientSession, ClientTimeout

from benchmarks.processes import host, server
from devserver.nodes.music.composer import compose
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.mix import Rendering, mixdown, phrases
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Song

FORMATS = ("flac", "opus", "mp3")


def _nothing(_share: float = 0.0) -> None: ...


def _song(genre: str, seconds: float) -> Song:
    return compose(parse(genre, MusicRequest(), seconds=seconds, seed=1))


def _seconds_to_first_piece(song: Song) -> float:
    started = perf_counter()
    rendering = Rendering(song)
    rendering.guess_gains()
    next(rendering.pieces(phrases(song)[:1], _nothing))
    return perf_counter() - started


def of_genres(seconds: float) -> str:
    """Times faster than real time for stems and mastered mix, by processor time; milliseconds to the first piece."""
    lines = []
    for genre in GENRES:
        song = _song(genre, seconds)
        first = _seconds_to_first_piece(song)
        started = process_time()
        mixdown(song, _nothing)
        used = process_time() - started
        lines.append(f"  {genre:14} {seconds / used:5.0f} x   first piece after {first * 1e3:4.0f} ms")
    return "\n".join([f"stems and mastered mix of {seconds:g} s:", *lines])


async def of_requests(session: ClientSession, server_url: str, *, seconds: float, rounds: int = 3) -> str:
    """Seconds from a request to its finished files, stems, notes and outline among them."""
    lines = []
    for form in FORMATS:
        took = []
        for number in range(rounds):
            body = {
                "input_text": f"house {number}",
                "output_config": "procedural_instrumental",
                "params": {"seconds": seconds, "format": form},
                "seed": number + 1,
            }
            started = perf_counter()
            async with session.post(f"{server_url}/api/schema/pipeline/execute", json=body) as answer:
                answered = await answer.json()
            took.append(perf_counter() - started)
            if answer.status != 200:
                raise RuntimeError(f"{form}: {answer.status} {answered}")
        lines.append(f"  {form:5} median {median(took):.2f} s   slowest {max(took):.2f} s")
    return "\n".join([f"from a request for {seconds:g} s to its files:", *lines])


async def measure(seconds: float) -> None:
    print(of_genres(seconds))
    with tempfile.TemporaryDirectory(prefix="tonewright-bench-") as folder:
        async with (
            ClientSession(timeout=ClientTimeout(total=120)) as session,
            host(Path(folder, "agent"), "devserver.host", "--table", "embedded") as backend_url,
            server(Path(folder, "exports"), backend_url) as (server_url, _),
        ):
            print(await of_requests(session, server_url, seconds=seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    asyncio.run(measure(parser.parse_args().seconds))
