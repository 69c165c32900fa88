"""`make bench`: measures every goal of the table in docs/performance.md beside a floor of the same run.

Figures of one machine are compared by ratios and differences taken within one run; seconds of different runs are not
comparable. The exit code is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import platform
import sys
import tempfile
import traceback
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from benchmarks.row import Bench, Row, table

# One module each, in the order of the table; each has `async def measure(bench) -> list[Row]`.
MODULES = (
    "latency",
    "collecting",
    "listeners",
    "startup",
    "search",
    "endurance",
    "queueing",
    "eta",
    "peers",
    "prompt",
)
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    options = arguments()
    names = [name for name in MODULES if name in options.only] if options.only else list(MODULES)
    began = perf_counter()
    rows: dict[str, list[Row]] = {}
    for name in names:
        rows[name] = one(name, options)
        for row in rows[name]:
            print(f"{row.what}\n    {row.measured}   [{row.goal}] {row.verdict}", flush=True)
    every = [row for listed in rows.values() for row in listed]
    text = f"{machine()}; {perf_counter() - began:.0f} s in all.\n\n{table(every)}\n"
    if not options.quick:
        RESULTS.mkdir(parents=True, exist_ok=True)
        for name, listed in rows.items():
            (RESULTS / f"{name}.json").write_text(json.dumps([asdict(row) for row in listed], indent=2) + "\n", "utf8")
        (RESULTS / "bench.md").write_text(text, "utf8")
        if names == list(MODULES):
            put_into_page(text)
    missed = [row.what for row in every if row.met is False]
    print(f"\n{text}")
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    sys.exit(1 if missed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"some of {','.join(MODULES)}")
    parser.add_argument("--quick", action="store_true", help="a few runs of each, to see that everything works")
    options = parser.parse_args()
    if unknown := set(options.only) - set(MODULES):
        parser.error(f"--only names {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    return options


def one(name: str, options: argparse.Namespace) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="tonewright-bench-") as folder:
        bench = Bench(Path(folder), options.quick, os.environ.get("COMFYUI_URL") or None)
        try:
            rows: list[Row] = asyncio.run(importlib.import_module(f"benchmarks.{name}").measure(bench))
        except Exception as e:  # noqa: BLE001 # reason: one part that breaks off must not cost the figures of the others
            traceback.print_exc()
            return [Row(f"everything of `{name}`", f"broke off: {type(e).__name__}: {e}", "to be measured", met=False)]
        return rows


def machine() -> str:
    """What the figures were taken on."""
    with Path("/proc/cpuinfo").open(encoding="utf8") as lines:
        processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores ({processor}), Python {platform.python_version()}, load at the end {load}"


def put_into_page(text: str) -> None:
    before, _, rest = PAGE.read_text("utf8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", "utf8")


if __name__ == "__main__":
    main()
