from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devserver.durable.database import Database
from devserver.durable.search import Wanted
from devserver.durable.words import words
from devserver.errors import Fenced, InputError
from devserver.model.record import Record
from devserver.model.results import TextResult
from devserver.model.rows import Place, RunState
from devserver.runs import rebuild
from tests.doubles.at_once import JournalAtOnce, execute, write

Found = Callable[..., list[int]]


@pytest.fixture
def found(journal: JournalAtOnce) -> Found:
    """The numbers of the runs that a search finds, in its order."""

    def find(query: str = "", **wanted: Any) -> list[int]:
        asked = Wanted(**{"user_id": "local", "limit": 50, "query": query, **wanted})
        return [int(line.run_id[-8:], 16) for line in journal.search.find(asked)]

    return find


def run_id(number: int) -> str:
    return f"20240131-{number // 60:04d}{number % 60:02d}-{number:08x}"


def accept(
    journal: JournalAtOnce, number: int, text: str = "", *, user_id: str = "local", outputs: str = "song"
) -> Place:
    """A run that is walked; the greater its number, the newer it is."""
    journal.add_run(
        run_id(number),
        user_id=user_id,
        title=text.replace("\0", ""),
        schema="plain",
        output_config=outputs,
        plan=json.dumps({"input_text": text}),
        created_at=f"2024-01-31T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        text=text,
    )
    return Place(run_id(number), journal.begin_run(run_id(number)).generation)


def end(journal: JournalAtOnce, place: Place, state: RunState = "success", text: str = "") -> None:
    journal.end_run(place, state, "2024-02-01T00:00:00.000Z", None, text)


def test_words_beginnings_and_phrases_are_found_the_newest_first(journal: JournalAtOnce, found: Found) -> None:
    for number, text in enumerate(["slow warm piano", "a slow piano at night", "Märchen für Klavier"], start=1):
        accept(journal, number, text)
    assert found("piano") == [2, 1]
    assert found("slow piano") == [2, 1]
    assert found('"slow piano"') == [2]
    assert found("pia* SLOW") == [2, 1]
    assert found("pia") == []
    assert found("marchen FÜR") == [3]


def test_the_final_text_is_found_once_the_run_has_ended(journal: JournalAtOnce, found: Found) -> None:
    place = accept(journal, 1, "slow")
    assert found("velvet") == []
    end(journal, place, text="a velvet tune")
    assert found("velvet") == found("slow velvet") == [1]


def test_what_was_not_committed_is_not_found(journal: JournalAtOnce, found: Found) -> None:
    place = accept(journal, 1, "slow")
    with pytest.raises(Fenced):
        end(journal, replace(place, generation=99), text="velvet")
    assert found("velvet") == []
    assert found(state="running") == [1]


def test_status_output_and_words_go_together(journal: JournalAtOnce, found: Found) -> None:
    for number, outputs in enumerate(["song", "song, film", "film"], start=1):
        place = accept(journal, number, "slow piano", outputs=outputs)
        if number < 3:
            end(journal, place, "success" if number == 1 else "failed")
    assert found(output="film") == [3, 2]
    assert found("piano", output="song") == [2, 1]
    assert found("piano", state="failed") == found(state="failed") == [2]
    assert found("piano", state="running", output="film") == [3]
    assert found("piano", state="queued") == []
    assert found(output="son") == []


def test_runs_of_others_are_not_found(journal: JournalAtOnce, found: Found) -> None:
    accept(journal, 1, "piano", user_id="anna")
    assert found("piano") == found() == found(output="song") == []
    assert found("piano", user_id="anna") == [1]
    accept(journal, 2, "piano")
    assert found("piano", user_id=None) == found(user_id=None) == found(user_id=None, state="running") == [2, 1]
    with pytest.raises(InputError) as refused:
        found(before=run_id(1))
    assert refused.value.field == "before"


@pytest.mark.parametrize("wanted", [{}, {"query": "piano"}, {"output": "song"}, {"query": "piano", "state": "success"}])
def test_pages_have_every_run_once_while_new_ones_come(
    journal: JournalAtOnce, found: Found, wanted: dict[str, str]
) -> None:
    for number in range(1, 24):
        end(journal, accept(journal, number, "piano"))
    seen: list[int] = []
    while page := found(limit=4, before=run_id(seen[-1]) if seen else None, **wanted):
        seen += page
        end(journal, accept(journal, 100 + len(seen), "piano"))
    assert seen == list(range(23, 0, -1))


def test_runs_of_one_moment_are_told_apart(journal: JournalAtOnce, found: Found) -> None:
    at: Any = {"user_id": "local", "title": "", "schema": "plain", "output_config": "o", "plan": "{}"}
    for number in (3, 1, 2):  # so near that they would have one place
        journal.add_run(f"20240131-000000-{number:08x}", created_at="2024-01-31T00:00:00.000Z", text="piano", **at)
    assert sorted(found("piano")) == [1, 2, 3]
    page = found("piano", limit=2)
    assert {*page, *found("piano", before=f"20240131-000000-{page[-1]:08x}")} == {1, 2, 3}


@given(query=st.text(max_size=40) | st.text(alphabet="ab*\"'()-+^:{}\\ §%?&|!<>äNOTNEARANDOR", max_size=40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_may_be_looked_for(found: Found, query: str) -> None:
    assert found(query) == found(query, output="song") == []


@given(text=st.text(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_is_found_by_itself_as_a_phrase(
    journal: JournalAtOnce, database: Database, found: Found, text: str
) -> None:
    execute(database, "DELETE FROM runs")
    accept(journal, 1, text)
    said = text.replace('"', " ")
    assert found(f'"{said}"') == ([1] if words(said) else [])


def test_a_run_that_is_deleted_is_not_found(journal: JournalAtOnce, database: Database, found: Found) -> None:
    end(journal, accept(journal, 1, "piano"), text="velvet")
    execute(database, "DELETE FROM runs")
    accept(journal, 2, "guitar")
    assert found("piano") == found("velvet") == []
    assert found("guitar") == [2]
    if not database.shared:
        # It raises where the index has words of a text that is no more.
        execute(database, "INSERT INTO searched_words (searched_words, rank) VALUES ('integrity-check', 1)")


async def test_runs_from_before_there_was_a_search_are_read_once(
    journal: JournalAtOnce, database: Database, found: Found
) -> None:
    place = accept(journal, 1, "slow")
    stage = replace(place, stage="interception")
    journal.begin_stage(stage)
    journal.end(stage, "success", TextResult(text="velvet"))
    end(journal, place, text="velvet")
    accept(journal, 2, "warm")
    execute(database, "DELETE FROM searched")  # as an older server has left it
    execute(database, "UPDATE counters SET value = 2 WHERE name = 'unsearched'")
    accept(journal, 3, "warm")
    assert found("slow") == []
    assert await journal.journal.search.fill() == 2
    assert found("slow velvet", state="success") == [1]
    assert found("warm", state="running") == [3, 2]
    journal.search.read(run_id(1))  # as another process may, that was started at the same time
    execute(database, "DELETE FROM searched WHERE run_id = $1", run_id(2))
    assert await journal.journal.search.fill() == 0


def test_a_rebuilt_journal_finds_what_the_lost_one_found(
    journal: JournalAtOnce, database: Database, found: Found
) -> None:
    record = {
        "run_id": run_id(1),
        "user_id": "local",
        "title": "slow",
        "status": "success",
        "created_at": "2024-01-31T00:00:01.000Z",
        "started_at": None,
        "ended_at": None,
        "error": None,
        "resolved": {"schema": "plain", "outputs": [{"config": "song"}]},
        "stages": [
            {"name": "interception", "state": "success", "started_at": "", "ended_at": "", "result": {"text": "velvet"}}
        ],
        "entities": [],
        "warnings": [],
    }
    plan = json.dumps({"input_text": "slow"})
    run = Record.model_validate(record)
    write(database, lambda tx: rebuild._restore(journal.journal.search, run, plan, tx))
    assert found("slow velvet", state="success", output="song") == [1]
