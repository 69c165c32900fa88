"""kill -9 at drawn times around every kill point, of the server and of the backend, while runs are half done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.doubles.kill_points import POINTS
from tests.doubles.scene import POLL_S, Run, Scene
from tests.doubles.take_nodes import TAKES
from tests.patience import PATIENCE_S

Victim = Literal["server", "backend"]
VICTIMS: Final[tuple[Victim, ...]] = ("server", "backend")
ONCE_A_RUN: Final = {"accepted", "dispatched", "queued", "before_final"}
LONGEST_DELAY_S: Final = 0.5
TRIES: Final = 5  # of a case whose run had ended before the kill


@dataclass(frozen=True)
class Case:
    """One kill, `delay_s` after the `nth` passing of a point."""

    victim: Victim
    point: str
    nth: int
    delay_s: float
    seed: int
    work_s: float


@dataclass
class Tally:
    """What became of the kills of one victim at one point."""

    kills: int = 0
    runs: int = 0
    success: int = 0
    failed: int = 0
    resubmitted: int = 0
    losses: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.kills += other.kills
        self.runs += other.runs
        self.success += other.success
        self.failed += other.failed
        self.resubmitted += other.resubmitted
        self.losses += other.losses


def draw(kills: int, seed: int) -> list[Case]:
    """So many kills of each victim at each point; the same seed gives the same ones."""
    return [
        _case(random.Random(f"{seed} {victim} {point} {number}"), victim, point)
        for number in range(kills)
        for victim in VICTIMS
        for point in POINTS
    ]


def _case(chance: random.Random, victim: Victim, point: str) -> Case:
    nth = 1 if point in ONCE_A_RUN else chance.randint(1, TAKES)
    # Half of them at once: what comes after a point takes milliseconds.
    delay_s = chance.choice((chance.uniform(0, 0.02), chance.uniform(0, LONGEST_DELAY_S)))
    return Case(victim, point, nth, delay_s, 10 * chance.randrange(1_000_000), chance.uniform(0.05, 0.6))


def play(folder: Path, cases: Iterator[Case], report: Callable[[Case, Tally], None]) -> None:
    """Play cases in one folder, one after another; a scene goes on to the next case unless it lost something."""
    scene: Scene | None = None
    try:
        for number, case in enumerate(cases):
            scene, tally = scene or Scene(folder / str(number)), Tally()
            try:
                losses = _play(scene, case, tally)
            except (AssertionError, OSError, ValueError) as e:
                losses = [f"{type(e).__name__}: {e}"]
            tally.losses += [f"{case}: {loss}" for loss in losses]
            if losses:
                scene.close()
                scene = None
            report(case, tally)
    finally:
        if scene is not None:
            scene.close()


def _play(scene: Scene, case: Case, tally: Tally) -> list[str]:
    for again in range(TRIES):
        scene.points.arm(case.point, case.nth, stay=False)
        seed = case.seed + 100 * again
        runs = [scene.begin(seed, case.work_s), scene.begin(seed + TAKES, case.work_s)]
        for run in runs:
            run.open()
        if _killed(scene, case, runs):
            tally.kills += 1
            return [loss for run in runs for loss in _losses(scene, case, run, tally)]
        for run in runs:  # nothing was killed, so it is no kill, but it must be right
            if faults := scene.faults(run, scene.end_of(run)):
                return faults
    return [f"the point was not reached in {TRIES} tries"]


def _killed(scene: Scene, case: Case, runs: list[Run]) -> bool:
    """Kill and start again; False where the runs ended before the point came."""
    deadline = time.monotonic() + PATIENCE_S
    while not scene.points.comes(POLL_S):
        if all(scene.ended(run) for run in runs) or time.monotonic() > deadline:
            return False
    time.sleep(case.delay_s)
    for run in runs:
        run.seen.look(run.folder)
    if case.victim == "server":
        scene.kill_server()
        scene.start_server()
    else:
        scene.points.disarm()
        scene.kill_host()
        scene.start_host()
    return True


def _losses(scene: Scene, case: Case, run: Run, tally: Tally) -> list[str]:
    told: dict[str, Any] = scene.end_of(run)
    tally.runs += 1
    submitted = scene.per_take(run)
    tally.resubmitted += sum(submitted.values()) - TAKES
    if case.victim == "server" and any(times != 1 for times in submitted.values()):
        return [f"{run.run_id} was submitted {dict(submitted)} times, though the backend lived"]
    if told["status"] == "failed" and case.victim == "backend" and told["error"]["hint"]:
        tally.failed += 1
        return []
    tally.success += told["status"] == "success"
    return [f"{run.run_id}: {fault}" for fault in scene.faults(run, told)]
