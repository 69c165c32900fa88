"""Turns of a server that has a database and backends, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devserver.backends.sources import Backend
from devserver.durable.database import Database
from devserver.queueing.deciding import Decider
from devserver.queueing.eta import Durations
from devserver.queueing.expected import Expected
from devserver.queueing.fleet import Fleet
from devserver.queueing.given_up import GivenUp
from devserver.queueing.tickets import Tickets
from devserver.queueing.turns import Turns
from devserver.system.clock import Clock


def make_turns(
    database: Database, backends: Callable[[], Sequence[Backend]], clock: Clock | None = None, owner: str = ""
) -> Turns:
    clock = clock or Clock()
    decider = Decider(Tickets(clock), Fleet(Durations(clock), clock, backends, GivenUp(database, backends)), owner)
    return Turns(database, Expected(decider, clock), decider)
