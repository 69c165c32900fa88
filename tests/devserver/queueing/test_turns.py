"""Turns: who has one, who waits, and what a place in the queue survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace

import pytest

from devserver.backends.pool import Pool
from devserver.backends.sources import Backend
from devserver.durable.database import Database
from devserver.durable.ledger import Ledger
from devserver.model.rows import Place
from devserver.queueing.deciding import Decider
from devserver.queueing.demand import Choice
from devserver.queueing.expected import Expected
from devserver.queueing.turns import Asking, NoTurn, Turns
from devserver.system.clock import Clock
from schemas.node_table import NodeTable
from tests.devserver.plans import add_run
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.at_once import AtOnce, JournalAtOnce, rows
from tests.doubles.hand import Hand
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S

SONG = classes("song", models=["x"])
WANTED = demand(variants=[("a", "x")])
AT_ONCE = 2  # one runs, and one is ready: no other backend can make it
Take = Callable[..., "Taking"]


@pytest.fixture
def gpu(pool: Pool) -> Backend:
    return add_backend(pool, classes=SONG)


class Asked(Expected):
    """Tells when takes have asked for their turns: each waits from then on."""

    def __init__(self, decider: Decider, clock: Clock) -> None:
        super().__init__(decider, clock)
        self._times = asyncio.Semaphore(0)

    def ask(self, place: Place) -> None:
        super().ask(place)
        self._times.release()

    async def times(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                await self._times.acquire()


@pytest.fixture
def asked(decider: Decider, clock: Hand) -> Asked:
    return Asked(decider, clock)


@pytest.fixture
async def turns(database: Database, decider: Decider, asked: Asked) -> AsyncIterator[Turns]:
    made = Turns(database, asked, decider)
    yield made
    await made.close()


@pytest.fixture
def places(journal: JournalAtOnce) -> list[Place]:
    runs = [f"20240131-2359{n:02d}-00000000" for n in range(4)]
    return [replace(add_run(journal, run), stage="generation", take=1) for run in runs]


class Taking:
    """A take that asks for a turn, and holds it until it is told to leave."""

    def __init__(self, turns: Turns, ledger: Ledger, place: Place, stays: Choice | None) -> None:
        self.has_it, self._leaving = asyncio.Event(), asyncio.Event()
        self._ledger, self._ended_well = ledger, False
        self._seconds: float | None = None
        self.at = ""
        self.begins_loaded = False
        self.task = asyncio.create_task(self._hold(turns, place, stays))

    async def _hold(self, turns: Turns, place: Place, stays: Choice | None) -> None:
        async with turns.take(self._ledger, place, WANTED, Asking(size=10), stays=stays) as turn:
            self.at, self.begins_loaded = turn.bound.backend.name, turn.begins_loaded
            self.has_it.set()
            await self._leaving.wait()
            turn.ended_well, turn.seconds = self._ended_well, self._seconds

    async def turn(self) -> None:
        await asyncio.wait_for(self.has_it.wait(), PATIENCE_S)

    async def leave(self, *, ended_well: bool = True, seconds: float | None = None) -> None:
        self._ended_well, self._seconds = ended_well, seconds
        self._leaving.set()
        await asyncio.wait_for(self.task, PATIENCE_S)
        await self._ledger.flush()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.fixture
async def take(turns: Turns, journal: JournalAtOnce) -> AsyncIterator[Take]:
    """Let a take ask for a turn; what has not left by the end is stopped as a server stops it."""
    every: list[Taking] = []

    def begin(place: Place, *, stays: Choice | None = None) -> Taking:
        every.append(Taking(turns, Ledger(journal.journal, Clock()), place, stays))
        return every[-1]

    yield begin
    turns.closing = True
    for one in every:
        await one.stop()


def tickets(turns: Turns) -> list[tuple[str, bool]]:
    """The line of tickets, each with its place and whether it has a turn."""
    listed = AtOnce(turns._db, turns._tickets).listed()
    return [(ticket.run_id[13:15], ticket.held) for ticket in listed]


@pytest.fixture
async def full(take: Take, gpu: Backend, places: list[Place]) -> list[Taking]:
    """The takes that have all places of the only backend."""
    del gpu
    holding = []
    for place in places[:AT_ONCE]:
        holding.append(take(place))
        await holding[-1].turn()
    return holding


@pytest.fixture
async def waits(asked: Asked, take: Take, full: list[Taking], places: list[Place]) -> Taking:
    """The first take that waits behind them."""
    waiting = take(places[AT_ONCE])
    await asked.times(len(full) + 1)
    return waiting


async def test_a_few_have_a_turn_at_once_and_the_next_one_when_one_leaves(
    turns: Turns, full: list[Taking], waits: Taking
) -> None:
    assert not waits.has_it.is_set()
    await full[0].leave()
    await waits.turn()
    assert tickets(turns) == [("01", True), ("02", True)]
    for taking in (full[1], waits):
        await taking.leave()
    assert tickets(turns) == []


async def test_a_turn_is_given_at_whichever_backend_is_free(take: Take, pool: Pool, places: list[Place]) -> None:
    for name in ("one", "two"):
        add_backend(pool, name, classes=SONG)
    first, second = take(places[0]), take(places[1])
    for taking in (first, second):
        await taking.turn()
    assert {first.at, second.at} == {"one", "two"}


async def test_who_waits_is_given_a_backend_that_comes(turns: Turns, pool: Pool, waits: Taking) -> None:
    add_backend(pool, "late", classes=SONG)
    turns.grant_turns()
    await waits.turn()
    assert waits.at == "late"


async def test_where_no_backend_is_up_a_take_keeps_its_place_and_may_go_elsewhere(
    turns: Turns, take: Take, pool: Pool, gpu: Backend, places: list[Place]
) -> None:
    gpu.state = "down"
    waits = take(places[0])
    with pytest.raises(NoTurn, match="no backend that is up can make song"):
        await waits.task
    assert tickets(turns) == [("00", False)]
    add_backend(pool, "cpu", classes=SONG)
    elsewhere = take(places[0])
    await elsewhere.turn()
    await elsewhere.leave()
    assert tickets(turns) == []


async def test_who_waits_is_woken_when_the_last_backend_goes(turns: Turns, gpu: Backend, waits: Taking) -> None:
    gpu.state = "down"
    turns.grant_turns()
    with pytest.raises(NoTurn):
        await asyncio.wait_for(waits.task, PATIENCE_S)


async def test_what_is_at_a_backend_already_has_its_turn_although_that_is_down_or_full(
    turns: Turns, take: Take, gpu: Backend, places: list[Place]
) -> None:
    (there,) = turns.choices(WANTED)
    gpu.state = "down"
    for place in places[: AT_ONCE + 1]:
        await take(place, stays=there).turn()
    assert tickets(turns) == [("00", True), ("01", True), ("02", True)]


async def test_a_take_that_is_cancelled_gives_its_place_back_and_a_server_that_stops_keeps_it(
    turns: Turns, full: list[Taking]
) -> None:
    cancelled, stopped = full
    await cancelled.stop()
    turns.closing = True
    await stopped.stop()
    assert tickets(turns) == [("01", True)]


async def test_an_attempt_that_did_not_end_well_leaves_its_take_the_place_in_the_queue(
    turns: Turns, asked: Asked, take: Take, full: list[Taking], places: list[Place]
) -> None:
    waits, last = take(places[2]), take(places[3])
    await asked.times(len(full) + 2)
    await full[0].leave(ended_well=False)
    await waits.turn()
    assert tickets(turns) == [("01", True), ("02", True), ("00", False), ("03", False)]
    again = take(places[0])
    await asked.times(1)
    await full[1].leave()
    await again.turn()
    assert not last.has_it.is_set()


async def test_the_next_turn_is_given_in_the_commit_that_gives_the_last_one_back(
    turns: Turns, full: list[Taking], waits: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "grant_turns", lambda: None)
    await full[0].leave()
    await waits.turn()


async def test_who_has_a_turn_is_told_and_which_demands_nobody_meets(
    turns: Turns, take: Take, gpu: Backend, places: list[Place]
) -> None:
    told: list[tuple[set[str], set[str]]] = []
    nobody_meets, heard = asyncio.Event(), asyncio.Event()

    def tell(runs: set[str], unmet: Collection[str]) -> None:
        told.append((runs, {*unmet}))
        if unmet:
            nobody_meets.set()

    async def hear() -> None:
        heard.set()

    turns.on_turns, turns.on_queue = tell, hear
    await take(places[0]).turn()
    assert told[0] == ({places[0].run_id}, set())
    await asyncio.wait_for(heard.wait(), PATIENCE_S)
    gpu.table = NodeTable.from_object_info(classes("film"))
    turns.grant_turns()
    await asyncio.wait_for(nobody_meets.wait(), PATIENCE_S)
    assert told[-1] == ({places[0].run_id}, {WANTED.digest})


@pytest.mark.parametrize(("seconds", "ended_well"), [(9.0, True), (9.0, False), (None, True)])
async def test_a_turn_that_ended_well_is_learned_from_where_its_prompt_ran(
    take: Take, gpu: Backend, places: list[Place], database: Database, *, seconds: float | None, ended_well: bool
) -> None:
    taking = take(places[0])
    await taking.turn()
    await taking.leave(ended_well=ended_well, seconds=seconds)
    learned = [dict(row) for row in rows(database, "SELECT variant, backend, size, seconds FROM durations")]
    known = {"variant": "a", "backend": gpu.name, "size": 10.0, "seconds": 9.0}
    assert learned == ([known] if ended_well and seconds else [])


async def test_it_is_known_whether_a_turn_begins_with_its_models_loaded(
    turns: Turns, full: list[Taking], database: Database
) -> None:
    assert [taking.begins_loaded for taking in full] == [False, True]
    for taking in full:
        await taking.leave(seconds=9.0)
    assert [row["loaded"] for row in rows(database, "SELECT loaded FROM durations ORDER BY run_id")] == [0, 1]
    assert tickets(turns) == []


async def test_where_a_prompt_of_others_has_gone_it_is_decided_again(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[str] = []
    monkeypatch.setattr(turns, "grant_turns", lambda: again.append("again"))
    turns.fleet.with_strangers = {"gpu"}
    turns.note_queue("another")
    assert again == []
    turns.note_queue("gpu")
    assert again == ["again"]
