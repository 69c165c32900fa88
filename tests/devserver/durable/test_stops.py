from __future__ import annotations

from dataclasses import replace

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.model.rows import Place
from devserver.system.clock import Clock
from tests.devserver.plans import add_run
from tests.doubles.at_once import JournalAtOnce, execute


def stops(journal: JournalAtOnce, place: Place) -> int:
    found: int = journal.stage(place).stops
    return found


def begun(journal: JournalAtOnce) -> Place:
    """A take of a run that has an attempt, which waits."""
    take = replace(add_run(journal), stage="generation", take=1)
    journal.begin_stage(replace(take, take=0))
    journal.begin_take(take)
    journal.begin_attempt(replace(take, attempt=1), prompt_id="p1")
    return take


def after_a_kill(database: Database, bus: Bus, take: Place) -> tuple[JournalAtOnce, Place]:
    """The journal as the next process has it, which walks the run again."""
    journal = JournalAtOnce(database, Clock(), bus, "another")
    execute(database, "UPDATE runs SET owner = NULL")
    return journal, replace(take, generation=journal.begin_run(take.run_id).generation)


def test_a_run_that_waits_is_not_counted_however_often_the_server_dies(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    for _ in range(50):
        journal, take = after_a_kill(database, bus, take)
        journal.begin_stage(replace(take, take=0))
        journal.begin_take(take)
    assert stops(journal, replace(take, take=0)) == 0


async def test_a_death_counts_once_for_a_stage_however_many_of_its_takes_were_at_work(
    database: Database, bus: Bus
) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    journal.begin_take(replace(take, take=2))
    journal.begin_attempt(replace(take, take=2, attempt=1), prompt_id="p2")
    journal.mark(replace(take, attempt=1), journal.stops.process)
    await journal.stops.was_running("p2")
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1, "the second death came before anything of it was at work"


def test_a_text_is_at_work_until_its_stage_ends(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    place = replace(add_run(journal), stage="safety")
    journal.begin_stage(place, at_work=True)
    journal, place = after_a_kill(database, bus, place)
    assert journal.begin_stage(place, at_work=True).stops == 1
    journal.end(place, "success")
    journal, place = after_a_kill(database, bus, place)
    assert stops(journal, place) == 1


async def test_a_finished_take_sets_the_count_back(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    await journal.stops.was_running("p1")
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1
    journal.end(take, "success")
    assert stops(journal, replace(take, take=0)) == 0


async def test_a_clean_stop_is_not_counted(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    journal.mark(replace(take, attempt=1), journal.stops.process)
    await journal.stops.forgive()
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 0


def test_a_walk_that_broke_off_is_not_counted_while_its_process_lives(journal: JournalAtOnce) -> None:
    take = begun(journal)
    journal.mark(replace(take, attempt=1), journal.stops.process)
    take = replace(take, generation=journal.begin_run(take.run_id).generation)
    assert stops(journal, replace(take, take=0)) == 0
