"""What is said of a name that a definition uses."""

from __future__ import annotations

import pytest

from schemas.catalog import Catalog
from schemas.known import Definitions
from schemas.model import GraphChunk
from schemas.nodes import NodeTable


@pytest.fixture
def known(shipped: Catalog, tables: dict[str, NodeTable]) -> Definitions:
    return Definitions(
        shipped.chunks, shipped.pipelines, shipped.interceptions, shipped.outputs, shipped.graphs, tables,
        broken=frozenset({("chunk", "torn")}), left_out=frozenset({("chunk", "shaky")}),
    )  # fmt: skip


def test_a_name_that_is_there_needs_no_word(known: Definitions) -> None:
    assert known.describe_unknown("chunk", "silence_mp3", known.chunks) is None


def test_a_name_that_is_not_there_is_told_with_the_nearest(known: Definitions) -> None:
    message = known.describe_unknown("chunk", "silence_mp", known.chunks)
    assert str(message).startswith("there is no chunk named silence_mp; available: silence_mp3, ")


def test_a_file_that_is_reported_itself_is_not_reported_again(known: Definitions) -> None:
    assert known.describe_unknown("chunk", "torn", known.chunks) is None
    assert (
        known.describe_unknown("output", "torn", known.outputs) is not None
    )  # another kind of that name is another file


def test_what_is_left_out_breaks_those_that_need_it_and_not_those_that_only_wish_it(known: Definitions) -> None:
    message = "needs the chunk shaky, which has a problem of its own"
    assert known.describe_unknown("chunk", "shaky", known.chunks) == message
    assert known.describe_unknown_default("chunk", "shaky", known.chunks) is None
    assert known.describe_unknown_default("chunk", "absent", known.chunks) is not None


def test_the_tables_that_chunks_name_are_known(known: Definitions) -> None:
    named = {chunk.table for chunk in known.chunks.values() if isinstance(chunk, GraphChunk)}
    assert known.named_tables == named - {None}
    assert "acestep15" in named
