"""`make bench-fleet`: takes on several backends through a real server, beside the best possible and plain rules.

The backends are hosts whose nodes sleep, so that two cores can be eight cards. The exit code is 1 where a goal is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.__main__ import RESULTS, ROOT, machine
from benchmarks.fleet_rules import RULES
from benchmarks.fleet_scenes import MADE_BY, SCENES, Outcome, Stage

PAGE: Final = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- fleet: begin -->", "<!-- fleet: end -->"
HEAD: Final = ("scene", "measured", "best possible", "at most", "", *RULES, "beside it")
QUICK_SCALE: Final = 0.25


def main() -> None:
    options = arguments()
    missed = []
    with tempfile.TemporaryDirectory(prefix="tonewright-fleet-") as folder:
        for name in options.only or list(SCENES):
            outcome = asyncio.run(play(name, Path(folder) / name, QUICK_SCALE if options.quick else 1.0))
            print(f"{outcome.what}\n    {measured(outcome)}   [{outcome.goal}] {verdict(outcome)}", flush=True)
            if outcome.figures and outcome.seconds:
                print(f"    {told(outcome.figures)}", flush=True)
            if not options.quick:
                keep(name, outcome)
            if not outcome.met:
                missed.append(outcome.what)
    if not options.quick:
        put_into_page()
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    sys.exit(1 if missed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-fleet", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"some of {','.join(SCENES)}")
    parser.add_argument("--quick", action="store_true", help="a quarter of all seconds, to see that everything works")
    options = parser.parse_args()
    if unknown := set(options.only) - set(SCENES):
        parser.error(f"--only names {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    return options


async def play(name: str, folder: Path, scale: float) -> Outcome:
    return await SCENES[name](Stage(folder, scale))


def measured(outcome: Outcome) -> str:
    if not outcome.seconds:
        return told(outcome.figures)
    beside = f", {outcome.times_best:.3f} times the best ({outcome.best_s:.1f} s)" if outcome.best_s else ""
    return f"{outcome.seconds:.1f} s{beside}"


def verdict(outcome: Outcome) -> str:
    return "met" if outcome.met else "**missed**"


def told(figures: Mapping[str, float]) -> str:
    made = " : ".join(f"{value:g}" for name, value in figures.items() if name.startswith(MADE_BY))
    others = [f"{name} {value:g}" for name, value in figures.items() if not name.startswith(MADE_BY)]
    return "; ".join([*([f"made {made}"] if made else []), *others])


def keep(name: str, outcome: Outcome) -> None:
    """Keep the newest measurement of a scene: the table has all of them, also those of earlier calls."""
    folder = RESULTS / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({**asdict(outcome), "machine": machine()}, indent=2) + "\n", "utf8")


def put_into_page() -> None:
    lines, machines = [HEAD, ("---",) * len(HEAD)], []
    for name in SCENES:
        file = RESULTS / "fleet" / f"{name}.json"
        if file.exists():
            kept = json.loads(file.read_text("utf8"))
            machines.append(kept.pop("machine"))
            lines.append(row(Outcome(**kept)))
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    before, begin, rest = PAGE.read_text("utf8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no place for the table: {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n{machines[-1]}.\n\n{table}\n{END}{after}", "utf8")


def row(outcome: Outcome) -> tuple[str, ...]:
    seconds = f"{outcome.seconds:.1f} s" if outcome.seconds else ""
    best = ""
    if outcome.best_s:
        seconds, best = f"{seconds}, {outcome.times_best:.2f} times", f"{outcome.best_s:.1f} s"
    rules = [f"{outcome.rules[name]:.0f} s" if name in outcome.rules else "" for name in RULES]
    return outcome.what, seconds, best, outcome.goal, verdict(outcome), *rules, told(outcome.figures)


if __name__ == "__main__":
    main()
