"""The scenes of the fleet benchmark: each starts a fleet, makes takes with it, and says what came of it.

`scale` shortens all seconds where the benchmark only shows that it works.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.fleet_hosts import Fleet, fleet
from benchmarks.fleet_nodes import MODELS, Profile
from benchmarks.fleet_rules import RULES, Card, Take, best_s, loads_in_order, pull

MADE_BY: Final = "made by "


@dataclass(frozen=True)
class Stage:
    """Where a scene is played, and by how much its seconds are shortened."""

    folder: Path
    scale: float = 1.0

    def takes(self, seconds: Sequence[float], model: str = MODELS[0]) -> list[Take]:
        return [Take(round(self.scale * one, 2), model) for one in seconds]


@dataclass(frozen=True)
class Outcome:
    """What a scene gave.

    Args:
        goal: in words, as the table shows it; `met` says whether all of it was met.
        seconds: from the first accept to the last end; 0 where the scene measures something else.
        rules: seconds that plain rules need for the same takes.
        figures: further figures of the scene, by their names.
    """

    what: str
    goal: str
    met: bool
    seconds: float = 0.0
    best_s: float = 0.0
    rules: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def times_best(self) -> float:
        return self.seconds / self.best_s if self.best_s else 0.0


async def equal(stage: Stage, count: int) -> Outcome:
    """40 takes of 4 s on equal cards that know nothing yet."""
    cards, takes = [Card()] * count, stage.takes([4.0] * 40)
    async with fleet(stage.folder, cards) as made:
        seconds = await made.make(takes)
        figures = _shares(made)
    name = f"40 takes of {takes[0].seconds:g} s on {count} equal backend{'s' if count > 1 else ''}, cold"
    return _beside_best(name, cards, takes, (seconds, 1.1), figures=figures)


async def mixed(stage: Stage, *, warm: bool) -> Outcome:
    """60 takes of 2 to 8 s on speeds 1 : 1 : 3."""
    cards, draws = [Card(), Card(), Card(3.0)], random.Random(12)
    takes = stage.takes([draws.uniform(2.0, 8.0) for _ in range(60)])
    async with fleet(stage.folder, cards) as made:
        if warm:
            await made.warm(MODELS[:1])
        seconds = await made.make(takes)
        figures = _shares(made)
    name = f"speeds 1 : 1 : 3, 60 takes of {stage.scale * 2:g} to {stage.scale * 8:g} s, {'warm' if warm else 'cold'}"
    return _beside_best(name, cards, takes, (seconds, 1.10 if warm else 1.35), figures=figures)


async def few(stage: Stage, count: int) -> Outcome:
    """2 or 6 takes of 6 s on 3 : 1, warm: the slow card makes none, or one."""
    cards, takes = [Card(3.0), Card()], stage.takes([6.0] * count)
    slow_goal, at_most = {2: (0, 1.25), 6: (1, 1.1)}[count]
    async with fleet(stage.folder, cards) as made:
        await made.warm(MODELS[:1])
        seconds = await made.make(takes)
        figures = _shares(made)
    beside = _beside_best(f"{count} takes of {takes[0].seconds:g} s on 3 : 1, warm", cards, takes, (seconds, at_most))
    goal = f"{'none' if slow_goal == 0 else 'one'} made by the slow one, {beside.goal}"
    return replace(beside, goal=goal, met=beside.met and figures[f"{MADE_BY}card1"] == slow_goal, figures=figures)


async def steep(stage: Stage) -> Outcome:
    """20 takes of 16 s on 8 : 1, warm: 2 s each on the fast one."""
    cards, takes = [Card(8.0), Card()], stage.takes([16.0] * 20)
    async with fleet(stage.folder, cards) as made:
        await made.warm(MODELS[:1])
        seconds = await made.make(takes)
        figures = _shares(made)
    name = f"20 takes of {takes[0].seconds:g} s on 8 : 1, warm"
    return _beside_best(name, cards, takes, (seconds, 1.15), figures=figures)


async def models(stage: Stage, count: int, orders: int) -> Outcome:
    """Three models that take 5 s to load, takes of 1 s in drawn orders, one order after the other on two warm cards."""
    load_s, cards = 5.0 * stage.scale, [Card(load_s=5.0 * stage.scale)] * 2
    drawn = [_mixed_up(stage, count // 3, seed) for seed in range(orders)]
    seconds, loads, passed = [], [], []
    async with fleet(stage.folder, cards) as made:
        await made.warm(MODELS[:3], [drawn[0][0].seconds] * 5)
        for takes in drawn:
            made.accepted.clear()
            seconds.append(await made.make(takes))
            loads.append(sum(one.loads for one, _ in made.begun()))
            passed.append(_passed_over([await made.handed_over_at(run_id) for run_id in made.accepted]))
    best, rules = best_s(cards, drawn[0]), [_rules(cards, takes) for takes in drawn]
    most, usual = round(count / 5), round(count * 0.15)
    times, longest_s = max(one for one, _ in passed), max(one for _, one in passed)
    what = f"{count} takes of {drawn[0][0].seconds:g} s of three models on two, loads of {load_s:g} s, warm"
    what += f"; {orders} orders, medians" if orders > 1 else ""
    return Outcome(
        what,
        f"median {usual} loads, none over {most}; 1.5 times the best; passed over 16 times, for 60 s",
        median(loads) <= usual
        and max(loads) <= most
        and median(seconds) <= 1.5 * best
        and times <= 16
        and longest_s <= 60,
        median(seconds),
        best,
        {name: median(one[name] for one in rules) for name in RULES},
        {
            "median of loads": median(loads),
            "most": max(loads),
            "in plain order": median(loads_in_order(cards, takes) for takes in drawn),
            "most often passed over": times,
            "longest, s": round(longest_s, 1),
        },
    )


def _passed_over(handed_over_at: Sequence[float]) -> tuple[int, float]:
    """Return how often a take was passed over by later ones at most, and for how long after the first of them."""
    most, longest_s = 0, 0.0
    for number, own in enumerate(handed_over_at):
        before = [at for at in handed_over_at[number + 1 :] if at < own]
        most, longest_s = max(most, len(before)), max([longest_s, *(own - at for at in before)])
    return most, longest_s


def _mixed_up(stage: Stage, each: int, seed: int) -> list[Take]:
    takes = [take for model in MODELS[:3] for take in stage.takes([1.0] * each, model)]
    random.Random(seed).shuffle(takes)
    return takes


async def killed(stage: Stage) -> Outcome:
    """40 takes of 8 s on four; in the middle one is killed, then one is added."""
    takes = stage.takes([8.0] * 40)
    kill_s, add_s = 30.0 * stage.scale, 40.0 * stage.scale
    async with fleet(stage.folder, [Card()] * 4, later=[Card()]) as made:
        hosts = list(made.hosts.values())
        runs = [await made.ask(take) for take in takes]
        begun_at = min(made.accepted.values())
        await asyncio.sleep(begun_at + kill_s - time.monotonic())
        await made.kill_host(hosts[0])
        killed_s = time.monotonic() - begun_at
        await asyncio.sleep(begun_at + add_s - time.monotonic())
        await made.start_host(hosts[4])
        added_s = time.monotonic() - begun_at
        seconds = await made.until_ended(runs)
        ended = Counter(one.run_id for one, _ in made.begun("ended"))
        begun = Counter(one.run_id for one, _ in made.begun())
        lost = [one for one, host in made.begun() if host is hosts[0]]
        cut = len(lost) - sum(host is hosts[0] for _, host in made.begun("ended"))
        succeeded = sum(made.statuses[run] == "success" for run in runs)
        first = min((one.at for one, host in made.begun() if host is hosts[4]), default=time.monotonic())
        figures = _shares(made) | {
            "succeeded": succeeded,
            "begun": begun.total(),
            "cut off": cut,
            "s from adding to its first take": round(first - begun_at - added_s, 1),
        }
    cards = [Card(until_s=killed_s), Card(), Card(), Card(), Card(from_s=added_s)]
    best = best_s(cards, takes)
    met = succeeded == 40 and begun.total() == 40 + cut and max(ended.values()) == 1 and seconds <= 1.25 * best
    goal = "1.25 times the best; begun 40, plus what was cut off"
    name = f"40 takes of {takes[0].seconds:g} s on four, one killed in the middle, one added"
    return Outcome(name, goal, met, seconds, best, {"pull": pull(cards, takes)}, figures)


async def frozen(stage: Stage) -> Outcome:
    """One of two is stopped for 40 s with two of ours, then let go: what waited there never runs after its return."""
    takes = stage.takes([8.0] * 8)
    async with fleet(stage.folder, [Card()] * 2) as made:
        host = made.hosts["card0"]
        runs = [await made.ask(take) for take in takes]
        while len(await made.held(host)) < 2:  # noqa: ASYNC110 - the server is another process
            await asyncio.sleep(0.1)
        held = await made.held(host)
        made.signal(host, signal.SIGSTOP)
        begun_at = {one.run_id: one.at for one, where in made.begun() if where is host}
        await asyncio.sleep(40.0)  # what the server allows it does not become shorter
        made.signal(host, signal.SIGCONT)
        seconds = await made.until_ended(runs)
        await asyncio.sleep(2 * takes[0].seconds)
        waited = [run_id for run_id in held if run_id not in begun_at]
        late = [one for one, where in made.begun("ended") if where is host and one.run_id in waited]
        counts = Counter(one.run_id for one, _ in made.begun("ended"))
        succeeded = sum(made.statuses[run_id] == "success" for run_id in runs)
        figures = _shares(made) | {"succeeded": succeeded, "made after its return": len(late)}
        figures["made twice"] = sum(count > 1 for count in counts.values())
    name = f"{len(takes)} takes of {takes[0].seconds:g} s on two, one stopped for 40 s with two of ours, then let go"
    met = succeeded == len(takes) and not late
    return Outcome(name, "what waited there never runs after its return", met, seconds, figures=figures)


async def sick(stage: Stage, *, warm: bool) -> Outcome:
    """One that fails everything beside three good ones: three takes are tried there, and no run fails."""
    takes, cards = stage.takes([4.0] * 20), [Card()] * 4
    async with fleet(stage.folder, cards) as made:
        if warm:
            await made.warm(MODELS[:1])
        Profile(fails=True).write(made.hosts["card0"].base)
        seconds = await made.make(takes)
        tried = sum(host.name == "card0" for _, host in made.begun())
        failed = sum(made.statuses[run_id] != "success" for run_id in made.accepted)
        figures = _shares(made) | {"tried there": tried, "runs failed": failed}
    name = (
        f"one that fails everything beside three good, 20 takes of {takes[0].seconds:g} s, {'warm' if warm else 'cold'}"
    )
    met = tried <= 3 and not failed
    return Outcome(name, "3 takes tried there, 0 runs failed", met, seconds, best_s(cards[1:], takes), figures=figures)


async def stranger(stage: Stage) -> Outcome:
    """A stranger's 60 s prompt on the first of two; none of 6 takes waits behind it."""
    busy_s = 60.0 * stage.scale
    takes = stage.takes([4.0] * 6)
    async with fleet(stage.folder, [Card()] * 2) as made:
        await made.occupy(made.hosts["card0"], busy_s)
        await asyncio.sleep(1.0)
        seconds = await made.make(takes)
        figures = _shares(made)
    behind = figures[f"{MADE_BY}card0"]
    cards = [Card(from_s=busy_s, busy=1), Card()]
    name = f"a stranger's {busy_s:g} s prompt on one of two, 6 takes of {takes[0].seconds:g} s, cold"
    best = best_s(cards, takes)
    met = behind == 0 and seconds <= 1.25 * best
    return Outcome(name, "none waits behind it", met, seconds, best, _rules(cards, takes), figures)


async def crowd(stage: Stage) -> Outcome:
    """100 takes of one user on four full cards, then one of another user with another model; then one of priority 9."""
    load_s = 5.0 * stage.scale
    (take, other) = stage.takes([4.0]) + stage.takes([4.0], MODELS[1])
    async with fleet(stage.folder, [Card(load_s=load_s)] * 4, users=["anna", "bob"]) as made:
        for _ in range(100):
            await made.ask(take, "anna")
        await asyncio.sleep(2.5 * take.seconds)
        theirs = await made.ask(other, "bob")
        before = await _begun_before(made, theirs)
        urgent = await made.ask(take, "anna", priority=9)
        urgent_before = await _begun_before(made, urgent)
        for run_id in made.accepted:
            if run_id not in made.ended:
                await made.call("POST", f"/api/runs/{run_id}/cancel")
    figures = {
        "begun before the other user's, on its card": before[0],
        "on any": before[1],
        "begun before priority 9, on its card": urgent_before[0],
        "on all cards": urgent_before[1],
    }
    met = before[0] <= 1 and urgent_before[0] <= 1
    name = f"100 takes of {take.seconds:g} s of one user on four, then one of another user and model; then priority 9"
    return Outcome(name, "at most the one that was ready there begins before it", met, figures=figures)


async def _begun_before(made: Fleet, run_id: str) -> tuple[int, int]:
    """Return how many others began on the same card, and on any, from the acceptance of a run until its own begin."""
    await made.until_begun(f"tonewright/{run_id}/")
    begun = made.begun()
    own, where = next((one, host) for one, host in begun if one.run_id == run_id)
    between = [host for one, host in begun if made.accepted[run_id] < one.at < own.at]
    return sum(host is where for host in between), len(between)


def _shares(made: Fleet) -> dict[str, float]:
    """How many of the takes that were not samples each card has made."""
    counted = Counter(host.name for one, host in made.begun("ended"))
    return {MADE_BY + name: counted[name] for name in made.hosts}


def _rules(cards: Sequence[Card], takes: Sequence[Take]) -> dict[str, float]:
    return {name: rule(cards, takes) for name, rule in RULES.items()}


def _beside_best(
    what: str, cards: Sequence[Card], takes: Sequence[Take], measured: tuple[float, float], **more: Any
) -> Outcome:
    """Put measured seconds beside the best; `measured` also says how many times the best they may be at most."""
    (seconds, at_most), best = measured, best_s(cards, takes)
    goal, met = f"{at_most:g} times the best", seconds <= at_most * best
    return Outcome(what, goal, met, seconds, best, _rules(cards, takes), **more)


SCENES: Final[dict[str, Callable[[Stage], Awaitable[Outcome]]]] = {
    "equal1": lambda stage: equal(stage, 1),
    "equal2": lambda stage: equal(stage, 2),
    "equal4": lambda stage: equal(stage, 4),
    "equal8": lambda stage: equal(stage, 8),
    "mixed": lambda stage: mixed(stage, warm=True),
    "mixed_cold": lambda stage: mixed(stage, warm=False),
    "two": lambda stage: few(stage, 2),
    "six": lambda stage: few(stage, 6),
    "steep": steep,
    "models": lambda stage: models(stage, 60, 5),
    "models300": lambda stage: models(stage, 300, 1),
    "killed": killed,
    "sick": lambda stage: sick(stage, warm=False),
    "sick_warm": lambda stage: sick(stage, warm=True),
    "frozen": frozen,
    "stranger": stranger,
    "crowd": crowd,
}
