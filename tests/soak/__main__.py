"""`make soak`: hours in minutes. Ends with a table, and with exit code 1 where anything was lost or left out."""

from __future__ import annotations

import argparse
import os
import queue
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.doubles.kill_points import POINTS
from tests.soak.campaign import Campaign, Found
from tests.soak.kills import VICTIMS, Case, Tally, Victim, draw, play
from tests.soak.minutes import MINUTES


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=8, help="of the server, and of the backend, at each point")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--scenes", type=int, default=(os.cpu_count() or 2) + 1, help="servers side by side")
    parser.add_argument("--points", nargs="*", choices=POINTS, default=list(POINTS))
    parser.add_argument("--drawn", type=int, default=1000, help="kills at drawn times beside clients at work; 0: none")
    parser.add_argument("--drawn-limit-s", type=float, default=3600.0, help="for these kills; too few is exit code 1")
    parser.add_argument("--no-minutes", action="store_true", help="leave out the faults that need real minutes")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    say(f"seed {options.seed}: make soak ARGS='--kills {options.kills} --seed {options.seed}' draws the same kills")
    began = time.monotonic()
    cases = [case for case in draw(options.kills, options.seed) if case.point in options.points]
    soak = Soak(cases)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: soak.stop.set())
    minutes = {} if options.no_minutes else MINUTES
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as place,
        ThreadPoolExecutor(options.scenes + len(minutes)) as threads,
    ):
        folders = [Path(place, f"scene-{number}") for number in range(options.scenes)]
        playing = [threads.submit(play, folder, soak.cases(), soak.report) for folder in folders]
        long = {name: threads.submit(fault, _made(Path(place, name))) for name, fault in minutes.items()}
        for scene in playing:
            scene.result()
        lost = {name: [str(e)] if (e := done.exception()) else done.result() for name, done in long.items()}
    say(table(soak.tallies, lost))
    kills = sum(tally.kills for tally in soak.tallies.values())
    say(f"{kills} kills of {len(cases)} in {time.monotonic() - began:.0f} s, seed {options.seed}")
    drawn = campaign(options.drawn, options.seed, options.drawn_limit_s, soak.stop) if options.drawn else Found()
    well = (
        not drawn.losses
        and drawn.kills.total() >= options.drawn
        and soak.done == len(cases)
        and not any(lost.values())
        and not any(t.losses for t in soak.tallies.values())
    )
    return 0 if well else 1


def campaign(kills: int, seed: int, limit_s: float, stop: threading.Event) -> Found:
    """Kills at drawn times, once the others are over."""
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        one = Campaign(Path(place), kills, seed, limit_s, stop)
        found = one.run()
    say(found.told())
    return found


class Soak:
    """The cases that are left, and what became of the others. `stop` leaves out those that nobody has begun."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.tallies: dict[tuple[Victim, str], Tally] = {(case.victim, case.point): Tally() for case in cases}
        self.stop = threading.Event()
        self.done, self._of = 0, len(cases)
        self._waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
        self._lock = threading.Lock()
        for case in cases:
            self._waiting.put(case)

    def cases(self) -> Iterator[Case]:
        """The cases that nobody else has taken."""
        while not self.stop.is_set():
            try:
                yield self._waiting.get_nowait()
            except queue.Empty:
                return

    def report(self, case: Case, tally: Tally) -> None:
        with self._lock:
            self.done += 1
            self.tallies[case.victim, case.point].add(tally)
            what = f"LOST {tally.losses}" if tally.losses else "well"
            say(f"{self.done}/{self._of} {case.victim} {case.point} {case.nth} +{case.delay_s:.3f} s: {what}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def table(tallies: dict[tuple[Victim, str], Tally], minutes: dict[str, list[str]]) -> str:
    lines = ["", "| killed | point | kills | runs | success | failed | submitted again | lost |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for victim in VICTIMS:
        for point in POINTS:
            if (victim, point) in tallies:
                tally = tallies[victim, point]
                figures = (tally.kills, tally.runs, tally.success, tally.failed, tally.resubmitted, len(tally.losses))
                lines.append(f"| {victim} | {point} | {' | '.join(map(str, figures))} |")
    lines += [f"| {name} | | | | | | | {len(losses)} |" for name, losses in minutes.items()]
    losses = [loss for tally in tallies.values() for loss in tally.losses]
    losses += [f"{name}: {loss}" for name, found in minutes.items() for loss in found]
    return "\n".join([*lines, "", *(f"LOST {loss}" for loss in losses)])


if __name__ == "__main__":
    sys.exit(main())
