"""The times of each node of a prompt, as far as its backend reports them."""

from __future__ import annotations

from dataclasses import dataclass, field

from devserver.model.results import NodeTime
from devserver.system.clock import Clock


@dataclass
class NodeTimes:
    """Hears which node a backend is at; a node ends where the next one begins, the last one with the prompt."""

    clock: Clock
    _ran: list[NodeTime] = field(default_factory=list)
    _now: NodeTime | None = None
    _begun_s: float = 0.0

    def enter(self, node: str, class_type: str | None) -> None:
        """Note that the backend is at a node now."""
        self._leave()
        self._begun_s = self.clock.monotonic()
        self._now = NodeTime(node=node, class_type=class_type, started_at=self.clock.stamp())

    def ended(self) -> list[NodeTime]:
        """Return every node that ran, in their order: the prompt is over."""
        self._leave()
        return list(self._ran)

    def _leave(self) -> None:
        if self._now is not None:
            seconds = round(self.clock.monotonic() - self._begun_s, 3)
            self._ran.append(NodeTime(**{**dict(self._now), "seconds": seconds}))
            self._now = None
