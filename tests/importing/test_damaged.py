"""Graphs with anything anywhere: imported or refused in words, and never an error of ours."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.graph import Graph
from schemas.importing.drafts import draft
from schemas.importing.form import ImportRefused
from schemas.nodes import NodeTable
from tests.importing.saved import node, sampler, save, saved
from tests.importing.test_server import QUIET

JUNK: list[Any] = [None, 0, -1, 1.5, True, "", "x", "9", "-10", -10, [], {}, [1], [[1]], [None], {"a": 1}, 10**30]
SEEDED = saved(
    sampler(1, 5, "fixed", 20, 8, "euler", "simple", 1, latent_image=4),
    node(2, "PrimitiveNode", 4, "fixed", gives="INT"),
    node(3, "EmptyLatentImage", 64, 64, 1, takes={"=width:INT": 1}, gives="LATENT"),
    node(4, "Reroute", takes={":*": 2}, gives="*"),
    node(5, "SaveLatent", "x", takes={"samples:LATENT": 5}, title="Keep"),
    save(6, link=None, mode=4),
    links=[[1, 2, 0, 3, 0], [2, 3, 0, 4, 0], [4, 4, 0, 1, 3], [5, 4, 0, 5, 0]],
)
Place = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield (*path, key)
        yield from places(entry, (*path, key))


def damaged(content: Any, place: Place, dice: random.Random) -> Any:
    broken = copy.deepcopy(content)
    inner = broken
    for key in place[:-1]:
        inner = inner[key]
    if dice.random() < 0.3:
        del inner[place[-1]]
    else:
        inner[place[-1]] = copy.deepcopy(dice.choice(JUNK))
    return broken


@pytest.mark.parametrize("which", ["quiet", "seeded", "song"])
def test_damage_is_refused_and_never_an_error_of_ours(table: NodeTable, song: Graph, which: str) -> None:
    whole, dice = {"quiet": QUIET, "seeded": SEEDED, "song": song}[which], random.Random(which)
    assert draft(whole, table, name="x", pipelines=[]).graph
    refused = 0
    for place in list(places(whole)) * 2:
        content = damaged(whole, place, dice)
        try:
            draft(content, table, name="x", pipelines=[]).files("x", table)
        except ImportRefused:
            refused += 1
    assert refused > 20
