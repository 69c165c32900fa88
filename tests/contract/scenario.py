"""A scenario is played by a running subject or read from a transcript; a check compares the two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.contract.live import Live

Record = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """`transcript` reads what a real ComfyUI said; `play` asks a running subject the same and writes it down alike."""

    name: str
    transcript: Callable[[], Record]
    play: Callable[[Live], Awaitable[Record]]


class Subject(Protocol):
    async def record(self, scenario: Scenario) -> Record: ...


class Transcripts:
    """The recorded sessions themselves: a check that they do not pass checks nothing."""

    async def record(self, scenario: Scenario) -> Record:
        return scenario.transcript()


class Running:
    """Something that listens; every scenario is played once, also for several checks."""

    def __init__(self, live: Live, played: dict[str, Record]) -> None:
        self.live, self._played = live, played

    async def record(self, scenario: Scenario) -> Record:
        if scenario.name not in self._played:
            self._played[scenario.name] = await scenario.play(self.live)
        return self._played[scenario.name]


Check = Callable[[Subject], Awaitable[None]]
