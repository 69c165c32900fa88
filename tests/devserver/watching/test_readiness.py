from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.server import ReadyState
from devserver.system.clock import Clock
from devserver.watching.readiness import FRESH_S, NO_BACKEND, Readiness, try_to_write
from tests.comfy import backend as scripted
from tests.doubles.pools import add_backend


class Held(Clock):
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Looking:
    """The readiness of a server, and what the test decides about it."""

    def __init__(self, exports: Exports, pool: Pool, database: Database) -> None:
        self.clock, self.started = Held(), True
        self.readiness = Readiness(exports, pool, self.clock, database=database, started=lambda: self.started)

    async def problems(self) -> list[str]:
        found = await self.readiness.ask()
        assert found.ready is not bool(found.problems)
        return found.problems


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


@pytest.fixture
async def host() -> AsyncIterator[scripted.Backend]:
    host = scripted.Backend()
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
def looking(exports: Exports, pool: Pool, database: Database) -> Looking:
    return Looking(exports, pool, database)


async def test_a_server_with_a_backend_that_answers_is_ready(
    looking: Looking, pool: Pool, host: scripted.Backend
) -> None:
    await add_backend(pool, url=host.url).follower.start()
    assert await looking.problems() == []
    add_backend(pool, "another", state="down")
    looking.clock.seconds = FRESH_S
    assert await looking.problems() == [], "one that is down is no problem while another one answers"


async def test_without_a_backend_that_answers_it_is_not(looking: Looking, pool: Pool) -> None:
    silent = add_backend(pool)
    assert await looking.problems() == [NO_BACKEND]
    assert silent.suspect.is_set(), "it is asked again soon"


async def test_one_whose_prompt_worker_is_dead_is_named(looking: Looking, pool: Pool) -> None:
    add_backend(pool, "gpu").stalled = "its worker is dead"
    no_backend, dead = await looking.problems()
    assert (no_backend, "the prompt worker of gpu is dead" in dead) == (NO_BACKEND, True)


async def test_one_look_is_good_for_a_moment_but_not_over_a_start(looking: Looking, pool: Pool) -> None:
    assert await looking.problems() == [NO_BACKEND]
    add_backend(pool).stalled = "dead"
    assert len(await looking.problems()) == 1
    looking.started = False
    assert (await looking.problems())[0] == "the server is starting or stopping"
    looking.started = True
    looking.clock.seconds = FRESH_S
    assert len(await looking.problems()) == 2


async def test_a_deleted_journal_and_a_folder_that_is_gone_are_said(looking: Looking, exports: Exports) -> None:
    for path in exports.state.glob("journal.sqlite*"):
        path.unlink()
    assert f"the journal {exports.state / 'journal.sqlite'} is gone" in (await looking.problems())[-1]
    exports.state.rename(exports.root / "moved")
    looking.clock.seconds = FRESH_S
    assert await looking.problems() == [NO_BACKEND, f"{exports.root} cannot be written: No such file or directory"]


async def test_what_other_processes_say_is_added(exports: Exports, pool: Pool, database: Database) -> None:
    async def others(found: ReadyState) -> ReadyState:
        return found.model_copy(update={"ready": True, "problems": []})

    readiness = Readiness(exports, pool, Held(), database=database, started=lambda: True, others=others)
    assert (await readiness.ask()).ready


def test_a_try_leaves_nothing_and_says_what_is_wrong(tmp_path: Path) -> None:
    try_to_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file") as caught:
        try_to_write(tmp_path / "none")
    assert caught.value.errno == errno.ENOENT
