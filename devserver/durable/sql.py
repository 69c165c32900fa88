"""The interface of a transaction for code with SQL, on either database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Row(Protocol):
    """One row, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Iterable[str]: ...


class Result(Protocol):
    """The answer of a statement."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


@dataclass(frozen=True)
class Dialect:
    """The differences between the databases.

    Attributes:
        name: that files of tables for this kind alone have.
        for_update: the words that hold the rows of a SELECT for this transaction alone.
        skip_held: the words after `for_update` that pass over rows which another transaction holds.
        for_share: the words that keep the rows of a SELECT from being changed by others.
        find_table: a SELECT that has a row where the table `$1` exists.
        before_tables: statements before any table is made.
    """

    name: str
    for_update: str
    skip_held: str
    for_share: str
    find_table: str
    before_tables: tuple[str, ...] = ()


class Transaction(Protocol):
    """Executes the statements of one transaction."""

    @property
    def dialect(self) -> Dialect: ...
    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Result: ...
    def rows(self, sql: str, /, *values: Any) -> list[Row]: ...
    def notify(self, topic: str, text: str = "", /) -> None:
        """Tell every process that listens, this one too, once this is committed; at most 7900 bytes."""


def marks(values: Collection[Any], first: int = 1) -> str:
    """Return the placeholders of a list within a statement, numbered from `first` on."""
    return ", ".join(f"${number}" for number in range(first, first + len(values)))
