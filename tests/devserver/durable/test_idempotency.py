from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devserver.durable.database import Database
from devserver.durable.idempotency import Claim, First, Idempotency, KeyTaken
from devserver.errors import InputError
from devserver.system.clock import Clock
from tests.doubles.at_once import AtOnce, JournalAtOnce

ONE, TWO = "20300101-000000-00000001", "20300101-000000-00000002"
BODY = {"input_text": "x", "seed": 1}


class Hand(Clock):
    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Keys:
    """The table of keys; what is read of it is read at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.table = Idempotency(database, clock)
        self.claim, self.keep, self.run_once = self.table.claim, self.table.keep, self.table.run_once
        at_once = AtOnce(database, self.table)
        self.find, self.find_run, self.use = at_once.find, at_once.find_run, at_once.use


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def idempotency(database: Database, clock: Hand) -> Keys:
    return Keys(database, clock)


def claim(idempotency: Keys, key: str = "k", user_id: str = "local", body: Any = BODY) -> Claim:
    found = idempotency.claim({"idempotency-key": key}, user_id, "execute", body)
    assert found is not None
    return found


def add_run(journal: JournalAtOnce, idempotency: Keys, claimed: Claim, run_id: str = ONE) -> None:
    values: dict[str, Any] = {"user_id": "local", "title": "x", "schema": "plain", "output_config": "o", "plan": "{}"}
    journal.add_run(
        run_id, **values, created_at="2030-01-01", together=lambda tx: idempotency.table.use(tx, claimed, run_id)
    )


def test_without_a_key_nothing_is_remembered(idempotency: Keys) -> None:
    assert idempotency.claim({"Accept": "*/*"}, "local", "execute", BODY) is None
    assert idempotency.find_run(None) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "naïve"])
def test_a_key_that_cannot_be_one_is_named(idempotency: Keys, key: str) -> None:
    with pytest.raises(InputError, match="Idempotency-Key") as refused:
        claim(idempotency, key)
    assert (refused.value.status, refused.value.field) == (422, "Idempotency-Key")


def test_key_and_run_are_written_together_or_not_at_all(journal: JournalAtOnce, idempotency: Keys) -> None:
    first = claim(idempotency)
    add_run(journal, idempotency, first)
    assert idempotency.find(first) == First(ONE)
    with pytest.raises(KeyTaken):
        add_run(journal, idempotency, first, TWO)
    assert journal.run(TWO) is None
    found = idempotency.find_run(first)
    assert found is not None
    assert found.run_id == ONE


async def test_the_first_answer_stays_and_survives_a_restart(
    database: Database, journal: JournalAtOnce, idempotency: Keys, clock: Hand
) -> None:
    first = claim(idempotency)
    add_run(journal, idempotency, first)
    await idempotency.keep(first, 202, {"status": "queued"})
    await idempotency.keep(first, 200, {"status": "success"})
    assert Keys(database, clock).find(first) == First(ONE, 202, {"status": "queued"})


def test_the_same_key_with_another_body_is_refused(journal: JournalAtOnce, idempotency: Keys) -> None:
    add_run(journal, idempotency, claim(idempotency))
    assert idempotency.find(claim(idempotency, body=dict(reversed(BODY.items())))) is not None
    with pytest.raises(InputError) as refused:
        idempotency.find(claim(idempotency, body={**BODY, "seed": 2}))
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")


def test_the_same_key_and_body_for_something_else_are_refused(journal: JournalAtOnce, idempotency: Keys) -> None:
    add_run(journal, idempotency, claim(idempotency))
    other = idempotency.claim({"Idempotency-Key": "k"}, "local", "rerun", BODY)
    assert other is not None
    with pytest.raises(InputError, match="used for another request"):
        idempotency.find(other)


def test_another_users_key_is_another_key(journal: JournalAtOnce, idempotency: Keys) -> None:
    add_run(journal, idempotency, claim(idempotency))
    assert idempotency.find(claim(idempotency, user_id="ada", body={"other": 1})) is None


def test_a_key_is_kept_for_a_day(journal: JournalAtOnce, idempotency: Keys, clock: Hand) -> None:
    add_run(journal, idempotency, claim(idempotency))
    clock.at += timedelta(hours=23, minutes=59)
    assert idempotency.find(claim(idempotency)) is not None
    clock.at += timedelta(minutes=2)
    assert idempotency.find(claim(idempotency)) is None
    add_run(journal, idempotency, claim(idempotency, body={"other": 1}), TWO)
    assert idempotency.find(claim(idempotency, body={"other": 1})) == First(TWO)


async def test_other_work_is_done_once_and_not_twice_at_a_time(idempotency: Keys) -> None:
    claimed, done = claim(idempotency), []

    async def work() -> tuple[int, Any]:
        done.append(1)
        with pytest.raises(InputError, match="still in progress") as refused:
            await idempotency.run_once(claimed, work)
        assert (refused.value.status, refused.value.retry_after_s) == (409, 1.0)
        return 200, {"made": len(done)}

    assert await idempotency.run_once(claimed, work) == (First(None, 200, {"made": 1}), False)
    assert await idempotency.run_once(claimed, work) == (First(None, 200, {"made": 1}), True)
    assert done == [1]


async def test_work_that_fails_is_not_remembered(idempotency: Keys) -> None:
    async def fails() -> tuple[int, Any]:
        raise InputError("no_room")

    with pytest.raises(InputError, match="cannot accept more connections"):
        await idempotency.run_once(claim(idempotency), fails)

    async def works() -> tuple[int, Any]:
        return 200, {}

    assert await idempotency.run_once(claim(idempotency), works) == (First(None, 200, {}), False)
