"""What waits is read, placed and bound, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devserver.backends.pool import Pool
from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.rows import Place
from devserver.queueing.breakers import FAULTS_ALLOWED, FIRST_PAUSE_S
from devserver.queueing.deciding import Decided, Decider
from devserver.queueing.demand import Demand
from devserver.queueing.tickets import ALL, Work
from tests.devserver.plans import AT, RUN_ID, add_run, plan
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.at_once import AtOnce, JournalAtOnce, write
from tests.doubles.hand import Hand
from tests.doubles.pools import add_backend

SONG = classes("song")


class Queue:
    """Lets takes ask, and decides."""

    def __init__(self, database: Database, journal: JournalAtOnce, decider: Decider) -> None:
        self.database, self._journal, self.decider = database, journal, decider
        self.tickets = AtOnce(database, decider.tickets)
        self._asked = 0

    def ask(self, wanted: Demand | None = None, **more: Any) -> Place:
        wanted = wanted or demand()
        self.decider.know(wanted)
        run = add_run(self._journal, f"20240131-2359{self._asked:02d}-00000000")
        self._asked += 1
        place = replace(run, stage="generation", take=1)
        self.tickets.ask(place, demand=wanted.digest, work=Work(*wanted.options[0].key), **more)
        return place

    def hold(self, backend: str, again: int | None = None) -> None:
        """Let a backend have a take, or have one again."""
        if again is not None:
            (ticket,) = (one for one in self.tickets.held() if int(one.run_id[13:15]) == again)
            place = Place(ticket.run_id, 1, ticket.stage, ticket.take)
            self.tickets.rest(place)
        else:
            place = self.ask()
        self.tickets.ask(place, demand=demand().digest, work=Work("song", "a"), held_at=backend)

    def decide(self) -> Decided:
        seen = self.decider.fleet.see()
        decided: Decided = write(self.database, lambda tx: self.decider.decide(tx, seen))
        self.decider.note(decided)
        return decided

    def look(self) -> Decided:
        seen = self.decider.fleet.see()
        decided: Decided = write(self.database, lambda tx: self.decider.look(tx, seen))
        return decided

    def learn(self, seconds: float, *backends: str) -> None:
        durations = self.decider.fleet.durations
        for name in backends:
            for number in range(5):
                work = Work(*demand().options[0].key)
                AtOnce(self.database, durations).learn(Place(f"{name} {number}", 1), work, name, seconds, loaded=True)
        durations.read_again()

    def held(self) -> list[tuple[str, str]]:
        return [(ticket.run_id[13:15], ticket.backend) for ticket in self.tickets.held()]


@pytest.fixture
def queue(database: Database, journal: JournalAtOnce, decider: Decider) -> Queue:
    return Queue(database, journal, decider)


def test_those_that_are_first_are_bound_to_what_is_free(pool: Pool, queue: Queue) -> None:
    for name in ("one", "two"):
        add_backend(pool, name, classes=SONG)
    places = [queue.ask() for _ in range(3)]
    decided = queue.decide()
    assert queue.held() == [("00", "one"), ("01", "two")]
    assert [ticket.key for ticket in decided.held] == [ticket.key for ticket in queue.tickets.held()]
    assert [(ticket.work.variant, ticket.why) for ticket in decided.held] == [("a", "placed_idle")] * 2
    assert not queue.decide().changes
    queue.tickets.give_back(places[0])
    assert queue.decide().changes
    assert queue.held() == [("01", "two"), ("02", "one")]


def test_to_look_binds_nothing(pool: Pool, queue: Queue) -> None:
    add_backend(pool, classes=SONG)
    queue.ask()
    assert queue.look().changes
    assert queue.held() == []


@pytest.mark.parametrize("paused", [ALL, "gpu"])
def test_a_paused_queue_gives_no_new_turn_and_takes_none_away(pool: Pool, queue: Queue, paused: str) -> None:
    add_backend(pool, classes=SONG)
    first, _ = queue.ask(), queue.ask()
    queue.tickets.pause(paused)
    queue.tickets.ask(first, demand=demand().digest, held_at="gpu")
    assert not queue.decide().changes
    assert queue.held() == [("00", "gpu")]
    queue.tickets.resume(paused)
    queue.decide()
    assert queue.held() == [("00", "gpu"), ("01", "gpu")], "and one is ready: nobody else could make it"


@pytest.fixture(params=[10.0])
def fast_and_slow(request: pytest.FixtureRequest, pool: Pool, queue: Queue) -> Queue:
    """A fast backend that has a take of 4 s, and a slow one that has none."""
    for name, seconds in (("fast", 4.0), ("slow", request.param)):
        add_backend(pool, name, classes=SONG)
        queue.learn(seconds, name)
    queue.hold("fast")
    return queue


def test_who_waits_for_a_faster_place_is_passed_over_until_that_is_nearly_free(
    fast_and_slow: Queue, clock: Hand
) -> None:
    queue = fast_and_slow
    for _ in range(2):
        queue.ask()
    assert queue.decide().look_again_s == 4 - 2
    assert queue.held() == [("00", "fast"), ("02", "slow")], "the second one would be done at 12 s there"
    (waits,) = (ticket for ticket in queue.tickets.listed() if not ticket.held)
    assert (waits.passed, waits.passed_at) == (1, clock.stamp())
    clock.forward(2)
    queue.decide()
    assert ("01", "fast") in queue.held()


@pytest.mark.parametrize("fast_and_slow", [60.0], indirect=True)
def test_a_time_that_is_put_off_twice_is_waited_for_no_longer(fast_and_slow: Queue) -> None:
    queue = fast_and_slow
    queue.ask()
    queue.decide()
    for held in (["fast"] * 2, ["fast"] * 3):
        queue.hold("fast")
        queue.decide()
        assert [backend for _, backend in queue.held()] == held
    queue.decide()
    assert ("01", "slow") in queue.held()


def test_it_waits_for_its_own_time_at_most(fast_and_slow: Queue, clock: Hand) -> None:
    queue = fast_and_slow
    queue.ask()
    for seconds in (9.9, 0.2):
        queue.decide()
        assert ("01", "slow") not in queue.held()
        clock.forward(seconds)
        queue.hold("fast", again=0)  # the first one begins anew
    queue.decide()
    assert ("01", "slow") in queue.held()


def test_demands_compete_where_a_backend_meets_both(pool: Pool, queue: Queue) -> None:
    add_backend(pool, "one", classes=classes("song", "film"))
    add_backend(pool, "two", classes=classes("text"))
    wanted = [demand(name) for name in ("song", "film", "text")]
    for one in wanted:
        queue.decider.know(one)
    seen = queue.decider.fleet.see()
    song, film, text = (one.digest for one in wanted)
    assert set(queue.decider.competing(wanted[0], seen)) == {song, film}
    assert queue.decider.competing(wanted[2], seen) == [text]
    assert queue.decider.may([song, text, "unheard of"]) == {song: ["one"], text: ["two"], "unheard of": []}


def test_a_take_goes_where_it_has_not_failed_yet_if_there_is_such_a_backend(pool: Pool, queue: Queue) -> None:
    add_backend(pool, "one", classes=SONG)
    queue.ask(failed_at=["one"])
    queue.decide()
    assert queue.held() == [("00", "one")]
    add_backend(pool, "two", classes=SONG)
    queue.learn(1.0, "one")
    queue.learn(60.0, "two")
    queue.ask(failed_at=["one"])
    queue.decide()
    assert ("01", "two") in queue.held()


def test_a_backend_under_suspicion_gets_no_take_of_that_output_where_another_can_make_it(
    pool: Pool, queue: Queue
) -> None:
    add_backend(pool, "one", classes=classes("song", "film"))
    breakers = queue.decider.fleet.breakers
    breakers.note_failed(("failed", "generation", 1), "song", "one", "CUDA error")
    queue.ask()
    queue.decide()
    assert queue.held() == [("00", "one")], "there is no other"
    queue.hold("one", again=0)
    add_backend(pool, "two", classes=SONG)
    queue.ask()
    queue.decide()
    assert ("01", "two") in queue.held()


def test_a_backend_that_is_put_aside_is_looked_at_again_when_its_pause_is_over(pool: Pool, queue: Queue) -> None:
    add_backend(pool, "one", classes=SONG)
    breakers = queue.decider.fleet.breakers
    for number in range(FAULTS_ALLOWED + 1):
        breakers.note_failed((f"{number}", "generation", 1), "film", "one", "CUDA error")
        breakers.note_made((f"{number}", "generation", 1), "two")
    queue.ask()
    assert queue.decide().look_again_s == FIRST_PAUSE_S
    assert queue.held() == []
    add_backend(pool, "two", classes=SONG)
    assert queue.decide().look_again_s == FIRST_PAUSE_S, "also where others go on"
    assert queue.held() == [("00", "two")]


def test_what_another_process_walks_is_not_made_by_the_embedded_backend_of_this_one(
    database: Database, journal: JournalAtOnce, pool: Pool, decider: Decider
) -> None:
    home = add_backend(pool, "home", classes=SONG)
    home.address = replace(home.address, kind="embedded")
    other = Queue(database, journal, Decider(decider.tickets, decider.fleet, owner="another"))
    other.ask()
    other.decide()
    assert other.held() == []
    add_backend(pool, "studio", classes=SONG)
    other.decide()
    assert other.held() == [("00", "studio")]


def test_what_no_backend_meets_is_told(pool: Pool, queue: Queue) -> None:
    add_backend(pool, classes=SONG)
    queue.ask(demand("film"))
    assert set(queue.decide().unmet) == {demand("film").digest}
    assert queue.held() == []


def test_demands_of_runs_that_nobody_walks_here_are_read_from_their_plans(
    database: Database, journal: JournalAtOnce, definitions: Definitions, exports: Exports, queue: Queue
) -> None:
    made = plan(definitions, exports, database, output_config="silence_mp3")
    about: dict[str, Any] = {
        "user_id": "local",
        "title": "x",
        "schema": "plain",
        "output_config": "o",
        "created_at": AT,
    }
    journal.add_run(RUN_ID, plan=made.model_dump_json(), **about)
    output = made.media[0].output
    wanted = Demand(tuple(one for one in output.options if one.config == output.config), made.execution_mode)
    place = Place(RUN_ID, journal.begin_run(RUN_ID).generation, made.media[0].name, 1)
    queue.tickets.ask(place, work=Work(*output.options[0].key))
    AtOnce(database, queue.decider).adopt()
    assert [ticket.demand for ticket in queue.tickets.listed()] == [wanted.digest], "it was of an earlier server"
    assert set(queue.look().unmet) == {wanted.digest}
