"""When each node of a prompt ran, as far as its backend told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devserver.clock import Clock


@dataclass
class NodeTimes:
    """Hears which node a backend is at; a node ends where the next one begins, the last one with the prompt."""

    clock: Clock
    _listed: list[dict[str, Any]] = field(default_factory=list)
    _begun_s: float = 0.0

    def enter(self, data: Mapping[str, Any]) -> None:
        """The backend is at the node of `data` {node, class_type} now."""
        self._leave()
        self._begun_s = self.clock.monotonic()
        self._listed.append({"node": data["node"], "class_type": data["class_type"], "started_at": self.clock.stamp()})

    def ended(self) -> list[dict[str, Any]]:
        """The prompt is over: every node with {node, class_type, started_at, seconds}, in their order."""
        self._leave()
        return self._listed

    def _leave(self) -> None:
        if self._listed and "seconds" not in self._listed[-1]:
            self._listed[-1]["seconds"] = round(self.clock.monotonic() - self._begun_s, 3)
