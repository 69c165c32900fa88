"""Idempotency keys: a request that is sent again with its key gets the first answer and does nothing anew.

A key belongs to a user, and is kept for a day by the server's clock. Where the request makes a run, key and run are
written in one transaction, so that a kill between the two cannot make a second run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from devserver.durable.database import Database
from devserver.durable.sql import Transaction
from devserver.errors import InputError, TonewrightError
from devserver.system.clock import Clock

HEADER: Final = "Idempotency-Key"
LONGEST: Final = 255
KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Claim:
    """A key, whose it is, and a digest of what it is used for."""

    user_id: str
    key: str
    digest: str


@dataclass(frozen=True)
class First:
    """The first use of a key: the run that it made, and the answer where it was given already."""

    run_id: str | None
    status: int | None = None
    body: Any = None


@dataclass(frozen=True)
class Accepted:
    """A run that is in the journal and will be walked; `first` where it was so before this request came."""

    run_id: str
    claim: Claim | None = None
    first: First | None = None


class KeyTaken(TonewrightError):
    """Another request with the same key was quicker."""


class Idempotency:
    """The table of keys. What takes a transaction may be called from any thread, the rest belongs to the loop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db, self._clock = database, clock
        self._at_work: set[tuple[str, str]] = set()

    def claim(self, headers: Mapping[str, str], user_id: str, what: str, body: Any) -> Claim | None:
        """Return the claim of a request's key; None where it has no key.

        `what` names the action, so that one key is not used for two; `body` is plain JSON.

        Raises:
            InputError: the key is empty, too long, or has signs that a header should not have.
        """
        key = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), None)
        if key is None:
            return None
        if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
            raise InputError("idempotency_key_unusable", field=HEADER, value=key[:LONGEST], most=LONGEST)
        said = json.dumps([what, body], sort_keys=True)
        return Claim(user_id, key, hashlib.sha256(said.encode()).hexdigest())

    def find(self, tx: Transaction, claim: Claim) -> First | None:
        """Return the first use of the key, if there is one.

        Raises:
            InputError: for something else (422).
        """
        sql = "SELECT * FROM first_answers WHERE user_id = $1 AND used_key = $2 AND at >= $3"
        rows = tx.rows(sql, claim.user_id, claim.key, self._oldest())
        if not rows:
            return None
        row = rows[0]
        if row["digest"] != claim.digest:
            raise InputError("idempotency_key_reused", code="idempotency_key_reused", field=HEADER, value=claim.key)
        return First(row["run_id"], row["status"], json.loads(row["body"]) if row["body"] else None)

    def find_run(self, tx: Transaction, claim: Claim | None) -> Accepted | None:
        """Return the run that was made with the key before."""
        first = self.find(tx, claim) if claim is not None else None
        return Accepted(first.run_id, claim, first) if first is not None and first.run_id else None

    def use(self, tx: Transaction, claim: Claim, run_id: str | None = None) -> None:
        """Note that a key is used now, in the transaction that makes what it is used for.

        Raises:
            KeyTaken: it is used already.
        """
        tx.execute("DELETE FROM first_answers WHERE at < $1", (self._oldest(),))
        done = tx.execute(
            "INSERT INTO first_answers (user_id, used_key, digest, run_id, at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (user_id, used_key) DO NOTHING",
            (claim.user_id, claim.key, claim.digest, run_id, self._clock.stamp()),
        )
        if done.rowcount == 0:
            raise KeyTaken(claim.key)

    async def keep(self, claim: Claim, status: int, body: Any) -> None:
        """Keep the answer, if it is the first."""
        await self._db.write(lambda tx: self._keep(tx, claim, status, body))

    def _keep(self, tx: Transaction, claim: Claim, status: int, body: Any) -> None:
        tx.execute(
            "UPDATE first_answers SET status = $1, body = $2 WHERE user_id = $3 AND used_key = $4 AND status IS NULL",
            (status, json.dumps(body), claim.user_id, claim.key),
        )

    async def run_once(self, claim: Claim | None, work: Callable[[], Awaitable[tuple[int, Any]]]) -> tuple[First, bool]:
        """Do work that makes no run once for a key; return its answer, and whether that is an earlier one.

        Nothing is kept of work that raises: what was wrong with it may be mended.

        Raises:
            InputError: the same key is at work just now (409).
        """
        if claim is None:
            return First(None, *await work()), False
        with self._hold(claim):
            before = await self._db.read(lambda tx: self.find(tx, claim))
            if before is not None:
                return before, True
            status, body = await work()
            await self._db.write(lambda tx: self._keep_first(tx, claim, status, body))
            return First(None, status, body), False

    def _keep_first(self, tx: Transaction, claim: Claim, status: int, body: Any) -> None:
        self.use(tx, claim)
        self._keep(tx, claim, status, body)

    @contextmanager
    def _hold(self, claim: Claim) -> Iterator[None]:
        key = (claim.user_id, claim.key)
        if key in self._at_work:
            raise InputError("idempotency_key_at_work", status=409, field=HEADER, value=claim.key, retry_after_s=1.0)
        self._at_work.add(key)
        try:
            yield
        finally:
            self._at_work.discard(key)

    def _oldest(self) -> str:
        return (self._clock.now() - KEPT).isoformat(timespec="milliseconds").replace("+00:00", "Z")
