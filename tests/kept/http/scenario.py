"""The HTTP side, from outside: two servers, every route, everybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.kept.http import routes, sequences
from tests.kept.http.shown import kept
from tests.kept.http.world import World
from tests.kept.scenario import Scenario


def _record(folder: Path) -> Mapping[str, Any]:
    with World(folder) as world:
        ended = {place.owner: {name: kept(place, said) for name, said in place.made.items()} for place in world.places}
        return {"waited_for": ended, **dict(routes.record(world)), **dict(sequences.record(world))}


SCENARIOS: Final = (Scenario("http", _record),)
