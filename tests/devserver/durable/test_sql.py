from __future__ import annotations

import pytest

from devserver.durable.database import Database
from devserver.durable.sql import marks


@pytest.mark.parametrize(
    ("count", "first", "placeholders"), [(0, 1, ""), (1, 1, "$1"), (3, 1, "$1, $2, $3"), (2, 4, "$4, $5")]
)
def test_each_value_of_a_list_has_a_placeholder_of_its_own(count: int, first: int, placeholders: str) -> None:
    assert marks(range(count), first) == placeholders


def test_a_statement_takes_the_values_of_a_list_after_its_own(database: Database) -> None:
    sql = f"SELECT $1 AS one WHERE 'b' IN ({marks('ab', 2)})"
    with database.door() as door:
        assert [row["one"] for row in door.read(lambda tx: tx.rows(sql, 7, *"ab"))] == [7]
