"""Runs every benchmark against one host and one server, both started for it, and prints what was measured.

Figures of one machine are compared by ratios taken within one run; seconds of different runs are not comparable.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout

from benchmarks import health, overhead, prompt
from benchmarks.processes import agent, server


async def measure(runs: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="tonewright-bench-") as folder:
        async with (
            ClientSession(timeout=ClientTimeout(total=60)) as session,
            agent(Path(folder, "agent")) as backend_url,
            server(Path(folder, "exports"), backend_url) as server_url,
        ):
            print(await overhead.measure(session, backend_url, server_url, runs=runs))
            print(await health.measure(session, server_url, seconds=seconds))
    print(prompt.measure())


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=60, help="runs of each way (default 60)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each request loop (default 2)")
    options = parser.parse_args()
    if options.runs < 2:
        parser.error(f"--runs is {options.runs}; at least 2 are needed for a spread")
    asyncio.run(measure(options.runs, options.seconds))


main()
