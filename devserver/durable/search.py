"""Finding runs: by words of their texts, state and output, the newest first, page by page.

The transactions that accept and end a run also index it, so a search never finds a run that does not exist.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any, Final

from devserver.durable.database import Database
from devserver.durable.sql import Row, Transaction
from devserver.durable.words import Term, terms, words
from devserver.errors import InputError
from devserver.model.failure import Failure

log = logging.getLogger(__name__)

GOING_ON: Final = ("queued", "running")
UNFINISHED: Final = "unfinished"  # told apart by the run itself, so that a run is marked twice in its life and no more
AT_ONCE: Final = 200  # runs that are read in one transaction when an older journal is filled

# A place is the milliseconds of `created_at` and then twenty bits of the run's own number.
PLACE_BITS: Final = 20
NUMBER_BITS: Final = 32
NEIGHBOURS: Final = 1 << 10


@dataclass(frozen=True)
class Wanted:
    """A filter for runs: those of one user, or with None everybody's.

    `before` is the run_id of the last one already seen; '' is no condition.
    """

    user_id: str | None
    limit: int
    before: str | None = None
    query: str = ""
    state: str = ""
    output: str = ""


@dataclass(frozen=True)
class RunLine:
    """One run in a list: its row without the plan."""

    run_id: str
    state: str
    title: str
    schema: str
    output_config: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    error: Failure | None


COLUMNS: Final = [field.name for field in fields(RunLine)]
LISTED: Final = ", ".join(f"runs.{name}" for name in COLUMNS)


@dataclass(frozen=True)
class Index:
    """The index of one kind of database over the words of runs.

    Attributes:
        matched: from where the runs are selected that match `$1`.
        place: the column that they are ordered by.
        stored: makes of a text what is stored of it.
        query: makes of words and marks what `$1` is.
    """

    matched: str
    place: str
    stored: Callable[[str], str]
    query: Callable[[Sequence[Term], Sequence[str]], str]


class Search:
    """The search over runs: written in the transactions that accept and end them, read in any other."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, tx: Transaction, run_id: str, *, user_id: str, created_at: str, title: str, outputs: str, text: str
    ) -> None:
        """Index an accepted run."""
        names = [name for name in outputs.split(", ") if name]
        marks = [_mark("user", user_id), _mark("state", UNFINISHED), *(_mark("output", name) for name in names)]
        place, stored = _place(run_id, created_at), INDEXES[tx.dialect.name].stored
        tx.execute(
            "INSERT INTO searched (place, run_id, title, input, marks) VALUES ("
            "coalesce((SELECT max(place) + 1 FROM searched WHERE place >= $1 AND place < $2), $3), $4, $5, $6, $7)"
            " ON CONFLICT (run_id) DO NOTHING",
            (place, place + NEIGHBOURS, place, run_id, stored(title), stored(text), " ".join(marks)),
        )

    def end(self, tx: Transaction, run_id: str, state: str, text: str) -> None:
        """Index the state and the final text of an ended run."""
        tx.execute(
            "UPDATE searched SET final = $1, marks = replace(marks, $2, $3) WHERE run_id = $4",
            (INDEXES[tx.dialect.name].stored(text), _mark("state", UNFINISHED), _mark("state", state), run_id),
        )

    def find(self, tx: Transaction, wanted: Wanted) -> list[RunLine]:
        """Find the wanted runs, the newest first.

        Raises:
            InputError: there is no run `before`.
        """
        asked = terms(wanted.query)
        if wanted.query.strip() and not asked:
            return []  # signs outside of words match nothing
        before = _find_before(tx, wanted) if wanted.before else None
        find = _match_runs if asked or wanted.output else _list_runs
        return [_line(row) for row in find(tx, wanted, asked, before)]

    def line(self, tx: Transaction, run_id: str) -> RunLine | None:
        """Return one run, as it stands in a list."""
        rows = tx.rows(f"SELECT {LISTED} FROM runs WHERE run_id = $1", run_id)  # noqa: S608 - fixed words
        return _line(rows[0]) if rows else None

    async def fill(self) -> int:
        """Read the runs of a journal from before there was a search; returns how many there were."""
        waiting = await self._db.read(lambda tx: tx.rows("SELECT value FROM counters WHERE name = 'unsearched'"))
        if not waiting or not waiting[0]["value"]:
            return 0
        log.info("reading %d runs into the search; this happens once", waiting[0]["value"])
        count, newest = 0, ""
        while run_ids := await self._db.write(partial(self._read_following, newest)):
            count, newest = count + len(run_ids), run_ids[-1]
        await self._db.write(lambda tx: tx.execute("UPDATE counters SET value = 0 WHERE name = 'unsearched'"))
        return count

    def _read_following(self, run_id: str, tx: Transaction) -> list[str]:
        run_ids = _following(tx, run_id)
        for each in run_ids:
            self.read(tx, each)
        return run_ids

    def read(self, tx: Transaction, run_id: str) -> None:
        """Index a run that the journal has from elsewhere, with its stages."""
        row = tx.execute(f"SELECT * FROM runs WHERE run_id = $1{tx.dialect.for_update}", (run_id,)).fetchone()  # noqa: S608 - a fixed word
        sql = "SELECT result FROM stages WHERE run_id = $1 AND take = 0 AND attempt = 0 ORDER BY number"
        results = [json.loads(stage["result"]) for stage in tx.execute(sql, (run_id,)).fetchall()]
        text = json.loads(row["plan"]).get("input_text", "")
        given = {name: row[name] for name in ("user_id", "created_at", "title")}
        self.add(tx, run_id, **given, outputs=row["output_config"], text=text)
        if row["state"] not in GOING_ON:
            self.end(tx, run_id, row["state"], final_text(results) or text)


def _find_before(tx: Transaction, wanted: Wanted) -> Row:
    rows = tx.rows("SELECT run_id, user_id, created_at FROM runs WHERE run_id = $1", wanted.before)
    if not rows or wanted.user_id not in (None, rows[0]["user_id"]):
        raise InputError("unknown_page", field="before", value=wanted.before)
    return rows[0]


def _list_runs(tx: Transaction, wanted: Wanted, _asked: Sequence[Term], before: Row | None) -> list[Row]:
    where, values = "1 = 1", list[Any]()
    if wanted.user_id is not None:
        values.append(wanted.user_id)
        where += f" AND user_id = ${len(values)}"
    if wanted.state:
        values.append(wanted.state)
        where += f" AND state = ${len(values)}"
    if before is not None:
        values += [before["created_at"], before["run_id"]]
        where += f" AND (created_at, run_id) < (${len(values) - 1}, ${len(values)})"
    values.append(wanted.limit)
    order = f"ORDER BY created_at DESC, run_id DESC LIMIT ${len(values)}"
    return tx.rows(f"SELECT {LISTED} FROM runs WHERE {where} {order}", *values)  # noqa: S608 - fixed words


def _match_runs(tx: Transaction, wanted: Wanted, asked: Sequence[Term], before: Row | None) -> list[Row]:
    index = INDEXES[tx.dialect.name]
    marks = [_mark("user", wanted.user_id)] if wanted.user_id is not None else []
    if wanted.output:
        marks.append(_mark("output", wanted.output))
    if wanted.state:
        marks.append(_mark("state", UNFINISHED if wanted.state in GOING_ON else wanted.state))
    values: list[Any] = [index.query(asked, marks)]
    sql = index.matched
    if wanted.state in GOING_ON:
        values.append(wanted.state)
        sql += f" AND runs.state = ${len(values)}"
    if before is not None:
        values.append(_place_of(tx, before))
        sql += f" AND {index.place} < ${len(values)}"
    values.append(wanted.limit)
    return tx.rows(f"SELECT {LISTED}{sql} ORDER BY {index.place} DESC LIMIT ${len(values)}", *values)


def _place_of(tx: Transaction, before: Row) -> int:
    rows = tx.rows("SELECT place FROM searched WHERE run_id = $1", before["run_id"])
    return int(rows[0]["place"]) if rows else _place(before["run_id"], before["created_at"])


def _following(tx: Transaction, run_id: str) -> list[str]:
    sql = (
        "SELECT runs.run_id FROM runs LEFT JOIN searched ON searched.run_id = runs.run_id"
        " WHERE searched.run_id IS NULL AND runs.run_id > $1 ORDER BY runs.run_id LIMIT $2"
    )
    return [row["run_id"] for row in tx.rows(sql, run_id, AT_ONCE)]


def final_text(results: Iterable[dict[str, Any]]) -> str:
    """Return the text that the stages of a run have left, from their results in order; '' where none changed it."""
    return next((str(result["text"]) for result in reversed(list(results)) if "text" in result), "")


def _mark(kind: str, value: str) -> str:
    """Return a word for something that is no text. It begins with a sign that no word has."""
    return f"§{hashlib.sha256(f'{kind} {value}'.encode()).hexdigest()[:16]}"


def _place(run_id: str, created_at: str) -> int:
    milliseconds = round(datetime.fromisoformat(created_at).timestamp() * 1000)
    number = int(run_id.rpartition("-")[2], 16) >> (NUMBER_BITS - PLACE_BITS)
    return (milliseconds << PLACE_BITS) + number


def _words(text: str) -> str:
    return " ".join(words(text))


def _positions(text: str) -> str:
    return " ".join(f"'{word}':{position}" for position, word in enumerate(words(text), start=1))


def _fts5(asked: Sequence[Term], marks: Sequence[str]) -> str:
    phrases = [f'"{" ".join(term.words)}"{" *" if term.prefix else ""}' for term in asked]
    return " AND ".join([*phrases, *(f'"{mark}"' for mark in marks)])


def _tsquery(asked: Sequence[Term], marks: Sequence[str]) -> str:
    phrases = (" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "") for term in asked)
    return " & ".join([*(f"({phrase})" for phrase in phrases), *(f"'{mark}'" for mark in marks)])


INDEXES: Final = {
    "sqlite": Index(
        " FROM searched_words CROSS JOIN searched ON searched.place = searched_words.rowid"
        " CROSS JOIN runs ON runs.run_id = searched.run_id WHERE searched_words MATCH $1",
        "searched_words.rowid",
        _words,
        _fts5,
    ),
    "postgres": Index(
        " FROM searched JOIN runs ON runs.run_id = searched.run_id WHERE searched.words @@ CAST($1 AS tsquery)",
        "searched.place",
        _positions,
        _tsquery,
    ),
}


def _line(row: Row) -> RunLine:
    values = {name: row[name] for name in COLUMNS}
    values["error"] = Failure.model_validate(json.loads(values["error"])) if values["error"] else None
    return RunLine(**values)
