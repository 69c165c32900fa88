from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from devserver.durable.database import Database
from devserver.durable.lanes import Door, Job, Lane, Session
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from tests.devserver.durable.sent import ADD, listed
from tests.patience import PATIENCE_S


class Connection(Session):
    """A connection that breaks at one of its steps; `log` has what was done over all of them."""

    def __init__(self, log: list[str], breaks_at: str = "") -> None:
        self._log, self._breaks_at, self._lost = log, breaks_at, False

    def _step(self, name: str) -> None:
        self._log.append(name)
        if name == self._breaks_at:
            self._lost = True
            raise DatabaseGone(name)

    def execute(self, sql: str, _values: Sequence[Any] = (), /) -> Any:
        self._step(sql)

    @property
    def lost(self) -> bool:
        return self._lost

    def begin(self, _job: Job[Any]) -> None:
        self._step("begin")

    def commit(self) -> None:
        self._step("commit")

    def roll_back(self) -> None:
        self._log.append("roll back")

    def close(self) -> None:
        self._log.append("close")


def door_of(log: list[str], *breaks_at: str) -> Door:
    """A door whose connections break, one after the other, at these steps; the last one that is opened holds."""
    steps = iter(breaks_at)
    door = Door(lambda: Connection(log, next(steps, "")))
    door.open()
    return door


def work(tx: Transaction) -> None:
    tx.execute("work")


def test_a_connection_that_was_lost_before_the_commit_is_opened_again_and_the_work_done_once_more() -> None:
    log: list[str] = []
    door_of(log, "work").write(work)
    assert log == ["begin", "work", "roll back", "close", "begin", "work", "commit"]


def test_work_that_may_have_been_committed_is_not_done_again() -> None:
    log: list[str] = []
    with pytest.raises(DatabaseGone):
        door_of(log, "commit").write(work)
    assert log == ["begin", "work", "commit", "roll back", "close"]


def test_a_new_connection_that_breaks_is_not_tried_a_third_time() -> None:
    log: list[str] = []
    with pytest.raises(DatabaseGone):
        door_of(log, "work", "work", "work").write(work)
    assert log.count("begin") == 2


def test_what_nobody_waits_for_any_more_is_not_committed(database: Database) -> None:
    def add(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "a"))
        job.wanted = False

    job = Job(add, writes=True)
    with database.door() as door:
        with pytest.raises(DatabaseGone, match="given up before it was committed"):
            door.do(job)
        assert door.read(listed) == []


class Held:
    """Jobs of a lane that wait until the test lets them go on."""

    def __init__(self, lane: Lane) -> None:
        self.lane, self.may_go_on = lane, threading.Event()
        self.begun, self.settled = threading.Semaphore(0), list[str]()
        self.over = threading.Semaphore(0)

    def do(self, name: str, *, wanted: bool = True) -> None:
        def settle(_found: object, error: BaseException | None) -> None:
            self.settled.append(f"{name} failed" if error else name)
            self.over.release()

        self.lane.do(Job(self._wait, writes=False, settle=settle, wanted=wanted))

    def _wait(self, _tx: Transaction) -> None:
        self.begun.release()
        self.may_go_on.wait(PATIENCE_S)


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Iterator[Held]:
    """A lane of as many threads as the test asks for."""
    lane = Lane("test", [Door(lambda: Connection([])) for _ in range(request.param)])
    lane.start()
    made = Held(lane)
    yield made
    made.may_go_on.set()
    lane.close(PATIENCE_S)
    assert not any(thread.is_alive() for thread in lane._threads)


@pytest.mark.parametrize("held", [2], indirect=True)
def test_a_lane_is_stuck_only_where_all_of_its_threads_wait(held: Held) -> None:
    assert (held.lane.silent_s, held.lane.stuck_s) == (0.0, 0.0)
    held.do("one")
    held.begun.acquire(timeout=PATIENCE_S)
    assert held.lane.silent_s > held.lane.stuck_s == 0.0
    held.do("two")
    held.begun.acquire(timeout=PATIENCE_S)
    assert held.lane.silent_s > held.lane.stuck_s > 0.0


@pytest.mark.parametrize("held", [1], indirect=True)
def test_jobs_are_done_in_their_order_and_those_that_nobody_wants_are_not_begun(held: Held) -> None:
    for name in ("one", "two", "three"):
        held.do(name, wanted=name != "two")
    held.may_go_on.set()
    for _ in range(2):
        assert held.over.acquire(timeout=PATIENCE_S)
    assert held.settled == ["one", "three"]


@pytest.mark.parametrize("held", [1], indirect=True)
def test_whoever_asked_gets_the_error_and_the_thread_goes_on(held: Held) -> None:
    errors: list[str] = []

    def fail(_tx: Transaction) -> None:
        raise ZeroDivisionError

    held.lane.do(Job(fail, writes=False, settle=lambda _, error: errors.append(type(error).__name__)))
    held.may_go_on.set()
    held.do("next")
    assert held.over.acquire(timeout=PATIENCE_S)
    assert (errors, held.settled) == (["ZeroDivisionError"], ["next"])
