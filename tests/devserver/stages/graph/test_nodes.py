from __future__ import annotations

from datetime import UTC, datetime, timedelta

from devserver.stages.graph.nodes import NodeTimes
from devserver.system.clock import Clock


class Hand(Clock):
    """A clock that a test moves."""

    at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


def test_a_node_ends_where_the_next_begins_and_the_last_one_with_the_prompt() -> None:
    clock = Hand()
    nodes = NodeTimes(clock)
    for name, seconds in (("1", 2), ("2", 0.5), ("1", 1)):
        nodes.enter(name, "Load" if name == "1" else None)
        clock.at += timedelta(seconds=seconds)
    ended = nodes.ended()
    assert [(one.node, one.class_type, one.seconds) for one in ended] == [
        ("1", "Load", 2.0),
        ("2", None, 0.5),
        ("1", "Load", 1.0),
    ]
    assert [one.started_at[17:23] for one in ended] == ["00.000", "02.000", "02.500"]


def test_a_prompt_that_ended_stays_ended() -> None:
    clock = Hand()
    nodes = NodeTimes(clock)
    nodes.enter("1", None)
    first = nodes.ended()
    clock.at += timedelta(seconds=9)
    assert nodes.ended() == first
    assert NodeTimes(clock).ended() == []
