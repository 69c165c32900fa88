"""Turns at a backend: who has one, who waits, and what a place in the queue survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from devserver.backends.pool import Pool
from devserver.backends.sources import Backend
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.ledger import Ledger
from devserver.model.rows import Place
from devserver.queueing.eta import Durations
from devserver.queueing.expected import Expected
from devserver.queueing.tickets import Tickets, Work
from devserver.queueing.turns import PROMPTS_AT_ONCE, Asking, NoTurn, Turns
from devserver.system.clock import Clock
from tests.devserver.plans import add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, rows
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S

WORK = Work("song", "a", 10)
Take = Callable[..., "Taking"]


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


@pytest.fixture
def gpu(pool: Pool) -> Backend:
    return add_backend(pool, "gpu")


class Asked(Expected):
    """Tells when takes have asked for their turns: each waits from then on."""

    def __init__(self, tickets: Tickets, durations: Durations, clock: Clock) -> None:
        super().__init__(tickets, durations, clock)
        self._times = asyncio.Semaphore(0)

    def ask(self, place: Place) -> None:
        super().ask(place)
        self._times.release()

    async def times(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                await self._times.acquire()


@pytest.fixture
def asked() -> Asked:
    clock = Clock()
    return Asked(Tickets(clock), Durations(clock), clock)


@pytest.fixture
async def turns(database: Database, pool: Pool, asked: Asked) -> AsyncIterator[Turns]:
    made = Turns(database, asked, lambda: pool.backends)
    yield made
    await made.close()


@pytest.fixture
def places(journal: JournalAtOnce) -> list[Place]:
    runs = [f"20240131-2359{n:02d}-00000000" for n in range(4)]
    return [replace(add_run(journal, run), stage="generation", take=1) for run in runs]


class Taking:
    """A take that asks for a turn, and holds it until it is told to leave."""

    def __init__(self, turns: Turns, ledger: Ledger, place: Place, backend: Backend, *, stays: bool) -> None:
        self.has_it, self._leaving = asyncio.Event(), asyncio.Event()
        self._ledger, self._ended_well = ledger, False
        self.task = asyncio.create_task(self._hold(turns, place, backend, stays=stays))

    async def _hold(self, turns: Turns, place: Place, backend: Backend, *, stays: bool) -> None:
        async with turns.take(self._ledger, place, backend, Asking(work=WORK), stays=stays) as turn:
            self.has_it.set()
            await self._leaving.wait()
            turn.ended_well = self._ended_well

    async def turn(self) -> None:
        await asyncio.wait_for(self.has_it.wait(), PATIENCE_S)

    async def leave(self, *, ended_well: bool = False) -> None:
        self._ended_well = ended_well
        self._leaving.set()
        await asyncio.wait_for(self.task, PATIENCE_S)
        await self._ledger.flush()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.fixture
async def take(turns: Turns, journal: JournalAtOnce) -> AsyncIterator[Callable[..., Taking]]:
    """Let a take ask for a turn; what has not left by the end is stopped as a server stops it."""
    every: list[Taking] = []

    def begin(place: Place, backend: Backend, *, stays: bool = False) -> Taking:
        every.append(Taking(turns, Ledger(journal.journal, Clock()), place, backend, stays=stays))
        return every[-1]

    yield begin
    turns.closing = True
    for one in every:
        await one.stop()


def tickets(turns: Turns) -> list[tuple[str, bool]]:
    """The line of tickets, each with its place and whether it has a turn."""
    listed = AtOnce(turns._db, turns._tickets).listed()
    return [(ticket.run_id[13:15], ticket.held) for ticket in listed]


async def test_a_few_have_a_turn_at_once_and_the_next_one_when_one_leaves(
    turns: Turns, asked: Asked, take: Take, gpu: Backend, places: list[Place]
) -> None:
    first = [take(place, gpu) for place in places[:PROMPTS_AT_ONCE]]
    for taking in first:
        await taking.turn()
    waits = take(places[PROMPTS_AT_ONCE], gpu)
    await asked.times(PROMPTS_AT_ONCE + 1)
    assert not waits.has_it.is_set()
    await first[0].leave()
    await waits.turn()
    assert tickets(turns) == [("01", True), ("02", True)]
    for taking in (first[1], waits):
        await taking.leave()
    assert tickets(turns) == []


async def test_where_its_backend_goes_down_a_take_keeps_its_place_and_may_go_elsewhere(
    turns: Turns, take: Take, pool: Pool, gpu: Backend, places: list[Place]
) -> None:
    gpu.state = "down"
    waits = take(places[0], gpu)
    with pytest.raises(NoTurn, match="gpu is down"):
        await waits.task
    assert tickets(turns) == [("00", False)]
    elsewhere = take(places[0], add_backend(pool, "cpu"))
    await elsewhere.turn()
    await elsewhere.leave()
    assert tickets(turns) == []


async def test_who_waits_is_woken_when_its_backend_goes(
    turns: Turns, asked: Asked, take: Take, gpu: Backend, places: list[Place]
) -> None:
    holding = [take(place, gpu) for place in places[:PROMPTS_AT_ONCE]]
    for taking in holding:
        await taking.turn()
    waits = take(places[PROMPTS_AT_ONCE], gpu)
    await asked.times(PROMPTS_AT_ONCE + 1)
    gpu.state = "down"
    turns.grant_turns()
    with pytest.raises(NoTurn):
        await asyncio.wait_for(waits.task, PATIENCE_S)
    for taking in holding:
        await taking.leave()


async def test_what_is_at_a_backend_already_has_its_turn_although_that_is_down_or_full(
    turns: Turns, take: Take, gpu: Backend, places: list[Place]
) -> None:
    gpu.state = "down"
    for place in places[: PROMPTS_AT_ONCE + 1]:
        await take(place, gpu, stays=True).turn()
    assert tickets(turns) == [("00", True), ("01", True), ("02", True)]


async def test_a_take_that_is_cancelled_gives_its_place_back_and_a_server_that_stops_keeps_it(
    turns: Turns, take: Take, gpu: Backend, places: list[Place]
) -> None:
    cancelled, stopped = (take(place, gpu) for place in places[:2])
    for taking in (cancelled, stopped):
        await taking.turn()
    await cancelled.stop()
    turns.closing = True
    await stopped.stop()
    assert tickets(turns) == [("01", True)]


async def test_who_has_a_turn_is_told_and_a_listener_hears_that_the_queue_has_changed(
    turns: Turns, take: Take, gpu: Backend, places: list[Place]
) -> None:
    told: list[tuple[set[str], set[str]]] = []
    heard = asyncio.Event()

    async def hear() -> None:
        heard.set()

    turns.on_turns, turns.on_queue = lambda runs, up: told.append((runs, up)), hear
    await take(places[0], gpu).turn()
    assert told[0] == ({places[0].run_id}, {"gpu"})
    await asyncio.wait_for(heard.wait(), PATIENCE_S)


@pytest.mark.parametrize(("stays", "ended_well"), [(False, True), (False, False), (True, True)])
async def test_a_turn_that_ended_well_is_learned_from_unless_it_had_begun_earlier(
    take: Take, gpu: Backend, places: list[Place], database: Database, *, stays: bool, ended_well: bool
) -> None:
    taking = take(places[0], gpu, stays=stays)
    await taking.turn()
    await taking.leave(ended_well=ended_well)
    assert len(rows(database, "SELECT * FROM durations")) == (1 if ended_well and not stays else 0)
