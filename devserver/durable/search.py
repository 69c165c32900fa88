"""Finding runs: by words of their texts, state and output, the newest first, page by page.

What a run is found by is written in the transactions that accept and end it, so nothing is found that is not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from devserver.durable.database import Database, Row, Transaction
from devserver.durable.words import Term, terms, words
from devserver.errors import InputError

log = logging.getLogger(__name__)

GOING_ON: Final = ("queued", "running")
UNFINISHED: Final = "unfinished"  # told apart by the run itself, so that a run is marked twice in its life and no more
AT_ONCE: Final = 200  # runs that are read in one transaction when an older journal is filled

# A place is the milliseconds of `created_at` and then twenty bits of the run's own number.
PLACE_BITS: Final = 20
NUMBER_BITS: Final = 32
NEIGHBOURS: Final = 1 << 10

MATCHED_BY_SQLITE: Final = (
    " FROM searched_words CROSS JOIN searched ON searched.place = searched_words.rowid"
    " CROSS JOIN runs ON runs.run_id = searched.run_id WHERE searched_words MATCH ?"
)
PAGE_OF_SQLITE: Final = " AND searched_words.rowid < ?", " ORDER BY searched_words.rowid DESC LIMIT ?"
MATCHED_BY_POSTGRES: Final = (
    " FROM searched JOIN runs ON runs.run_id = searched.run_id WHERE searched.words @@ CAST(? AS tsquery)"
)
PAGE_OF_POSTGRES: Final = " AND searched.place < ?", " ORDER BY searched.place DESC LIMIT ?"


@dataclass(frozen=True)
class Wanted:
    """Which runs to list: those of one user, or with None everybody's.

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
    error: dict[str, Any] | None


COLUMNS: Final = [field.name for field in fields(RunLine)]
LISTED: Final = ", ".join(f"runs.{name}" for name in COLUMNS)


class Search:
    """What runs are found by. `add` and `end` are called in the run's own transactions, the rest from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, db: Transaction, run_id: str, *, user_id: str, created_at: str, title: str, outputs: str, text: str
    ) -> None:
        """Let a run that was accepted be found."""
        names = [name for name in outputs.split(", ") if name]
        marks = [_mark("user", user_id), _mark("state", UNFINISHED), *(_mark("output", name) for name in names)]
        place = _place(run_id, created_at)
        db.execute(
            "INSERT INTO searched (place, run_id, title, input, marks) VALUES ("
            "coalesce((SELECT max(place) + 1 FROM searched WHERE place >= ? AND place < ?), ?), ?, ?, ?, ?)"
            " ON CONFLICT (run_id) DO NOTHING",
            (place, place + NEIGHBOURS, place, run_id, self._stored(title), self._stored(text), " ".join(marks)),
        )

    def end(self, db: Transaction, run_id: str, state: str, text: str) -> None:
        """Let a run be found by the state that it ended in and by its final text."""
        db.execute(
            "UPDATE searched SET final = ?, marks = replace(marks, ?, ?) WHERE run_id = ?",
            (self._stored(text), _mark("state", UNFINISHED), _mark("state", state), run_id),
        )

    def _stored(self, text: str) -> str:
        """The words of a text as the database's index reads them."""
        if self._db.shared:
            return " ".join(f"'{word}':{position}" for position, word in enumerate(words(text), start=1))
        return " ".join(words(text))

    def find(self, wanted: Wanted) -> list[RunLine]:
        """The runs that are wanted, the newest first.

        Raises:
            InputError: there is no run `before`.
        """
        asked = terms(wanted.query)
        if wanted.query.strip() and not asked:
            return []  # nothing is found by signs that are in no word
        before = self._before(wanted) if wanted.before else None
        rows = self._matching(wanted, asked, before) if asked or wanted.output else self._listed(wanted, before)
        return [_line(row) for row in rows]

    def line(self, run_id: str) -> RunLine | None:
        """One run, as it stands in a list."""
        rows = self._db.rows(f"SELECT {LISTED} FROM runs WHERE run_id = ?", run_id)  # noqa: S608 - fixed words
        return _line(rows[0]) if rows else None

    def _before(self, wanted: Wanted) -> Row:
        rows = self._db.rows("SELECT run_id, user_id, created_at FROM runs WHERE run_id = ?", wanted.before)
        if not rows or wanted.user_id not in (None, rows[0]["user_id"]):
            message = f"There is no run {wanted.before} to go on after."
            raise InputError(message, field="before", value=wanted.before, allowed="next_before of the page before")
        return rows[0]

    def _listed(self, wanted: Wanted, before: Row | None) -> list[Row]:
        given: dict[str, list[Any]] = {"1 = 1": []}
        if wanted.user_id is not None:
            given["user_id = ?"] = [wanted.user_id]
        if wanted.state:
            given["state = ?"] = [wanted.state]
        if before is not None:
            given["(created_at, run_id) < (?, ?)"] = [before["created_at"], before["run_id"]]
        where, values = " AND ".join(given), [value for own in given.values() for value in own]
        sql = f"SELECT {LISTED} FROM runs WHERE {where} ORDER BY created_at DESC, run_id DESC LIMIT ?"  # noqa: S608 - fixed words
        return self._db.rows(sql, *values, wanted.limit)

    def _matching(self, wanted: Wanted, asked: Sequence[Term], before: Row | None) -> list[Row]:
        marks = [_mark("user", wanted.user_id)] if wanted.user_id is not None else []
        if wanted.output:
            marks.append(_mark("output", wanted.output))
        if wanted.state:
            marks.append(_mark("state", UNFINISHED if wanted.state in GOING_ON else wanted.state))
        sql, values, (further, last) = self._match(asked, marks)
        if wanted.state in GOING_ON:
            sql += " AND runs.state = ?"
            values.append(wanted.state)
        if before is not None:
            sql += further
            values.append(self._place_of(before))
        return self._db.rows(f"SELECT {LISTED}{sql}{last}", *values, wanted.limit)

    def _match(self, asked: Sequence[Term], marks: Sequence[str]) -> tuple[str, list[Any], tuple[str, str]]:
        if self._db.shared:
            return MATCHED_BY_POSTGRES, [_tsquery(asked, marks)], PAGE_OF_POSTGRES
        return MATCHED_BY_SQLITE, [_fts5(asked, marks)], PAGE_OF_SQLITE

    def _place_of(self, before: Row) -> int:
        rows = self._db.rows("SELECT place FROM searched WHERE run_id = ?", before["run_id"])
        return int(rows[0]["place"]) if rows else _place(before["run_id"], before["created_at"])

    def fill(self) -> int:
        """Read the runs of a journal from before there was a search; returns how many there were."""
        waiting = self._db.rows("SELECT value FROM counters WHERE name = 'unsearched'")
        if not waiting or not waiting[0]["value"]:
            return 0
        log.info("reading %d runs into the search; this happens once", waiting[0]["value"])
        count, newest = 0, ""
        while run_ids := self._following(newest):
            with self._db.transaction() as db:
                for run_id in run_ids:
                    self.read(db, run_id)
            count, newest = count + len(run_ids), run_ids[-1]
        with self._db.transaction() as db:
            db.execute("UPDATE counters SET value = 0 WHERE name = 'unsearched'")
        return count

    def _following(self, run_id: str) -> list[str]:
        sql = (
            "SELECT runs.run_id FROM runs LEFT JOIN searched ON searched.run_id = runs.run_id"
            " WHERE searched.run_id IS NULL AND runs.run_id > ? ORDER BY runs.run_id LIMIT ?"
        )
        return [row["run_id"] for row in self._db.rows(sql, run_id, AT_ONCE)]

    def read(self, db: Transaction, run_id: str) -> None:
        """Let a run be found that the journal has from elsewhere, with its stages."""
        row = db.execute("SELECT * FROM runs WHERE run_id = ? FOR UPDATE", (run_id,)).fetchone()
        sql = "SELECT result FROM stages WHERE run_id = ? AND take = 0 AND attempt = 0 ORDER BY number"
        results = [json.loads(stage["result"]) for stage in db.execute(sql, (run_id,)).fetchall()]
        text = json.loads(row["plan"]).get("input_text", "")
        given = {name: row[name] for name in ("user_id", "created_at", "title")}
        self.add(db, run_id, **given, outputs=row["output_config"], text=text)
        if row["state"] not in GOING_ON:
            self.end(db, run_id, row["state"], final_text(results) or text)


def final_text(results: Iterable[dict[str, Any]]) -> str:
    """The text that the stages of a run have left, from their results in order; '' where none changed it."""
    return next((str(result["text"]) for result in reversed(list(results)) if "text" in result), "")


def _mark(kind: str, value: str) -> str:
    """A word for something that is no text. It begins with a sign that no word has."""
    return f"§{hashlib.sha256(f'{kind} {value}'.encode()).hexdigest()[:16]}"


def _place(run_id: str, created_at: str) -> int:
    milliseconds = round(datetime.fromisoformat(created_at).timestamp() * 1000)
    number = int(run_id.rpartition("-")[2], 16) >> (NUMBER_BITS - PLACE_BITS)
    return (milliseconds << PLACE_BITS) + number


def _fts5(asked: Sequence[Term], marks: Sequence[str]) -> str:
    told = [f'"{" ".join(term.words)}"{" *" if term.prefix else ""}' for term in asked]
    return " AND ".join([*told, *(f'"{mark}"' for mark in marks)])


def _tsquery(asked: Sequence[Term], marks: Sequence[str]) -> str:
    told = (" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "") for term in asked)
    return " & ".join([*(f"({one})" for one in told), *(f"'{mark}'" for mark in marks)])


def _line(row: Row) -> RunLine:
    values = {name: row[name] for name in COLUMNS}
    values["error"] = json.loads(values["error"]) if values["error"] else None
    return RunLine(**values)
