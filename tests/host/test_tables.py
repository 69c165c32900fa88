"""The node tables that a host can serve."""

from __future__ import annotations

import pytest

from devserver.host.folders import Folders
from devserver.host.tables import UnknownTable, load
from devserver.nodes import TABLE
from tests.doubles.probe_nodes import ProbeCounts


def test_the_embedded_backend_has_our_nodes_beside_the_stand_ins(folders: Folders) -> None:
    embedded, stock = load("embedded", folders), load("stock", folders)
    assert embedded.items() >= TABLE.items()
    assert embedded.keys() >= stock.keys()
    assert not stock.keys() & TABLE.keys()


def test_an_agents_table_is_what_its_function_returns(folders: Folders) -> None:
    assert load("tests.doubles.probe_nodes:table", folders)["ProbeCounts"] is ProbeCounts


def test_an_unknown_table_is_named_with_those_there_are(folders: Folders) -> None:
    with pytest.raises(UnknownTable, match="'nope'; allowed are embedded, stock or"):
        load("nope", folders)
    with pytest.raises(UnknownTable, match="cannot be loaded"):
        load("devserver.nothing:table", folders)
    with pytest.raises(UnknownTable, match=r"'tests\.doubles\.probe_nodes:tables' cannot be loaded: .*'tables'"):
        load("tests.doubles.probe_nodes:tables", folders)
