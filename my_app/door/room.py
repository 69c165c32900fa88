"""Room at the door: how many connections an address may have, how many requests a key, and what the system can hold."""

from __future__ import annotations

import os
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from devserver.durable.database import CONNECTIONS
from devserver.processes.limits import open_files_limit

FEWEST: Final = 8  # connections that are taken however low the limit of open files is
MOST_CONTROL: Final = 64  # connections beyond those that there is room for, on which control routes are answered
RETRY_S: Final = 5

OF_FILES: Final = "files"
OF_ADDRESS: Final = "address"
OF_ALL: Final = "all"


def own_files() -> int:
    """Return how many files the server has open beside its connections: pipes, backends, and the database's."""
    threads = min(32, (os.cpu_count() or 1) + 4)  # as many as the event loop makes: each may write a file
    return 40 + threads + 2 * CONNECTIONS  # each has the journal's file and its log open


def end_when_unread(connection: socket.socket, unread_s: float) -> None:
    """Let the system end a connection whose peer takes nothing of what was written for so long.

    Linux alone can; elsewhere such a peer holds its place until it goes.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_s * 1000))


@dataclass
class Room:
    """Counts connections: those of each address, and all of them.

    Args:
        per_address: how many connections one address may have; 0 is any number.
        files: how many files this process may have open.
    """

    per_address: int = 0
    files: int = field(default_factory=open_files_limit)
    _there: Counter[str] = field(default_factory=Counter)

    @property
    def most(self) -> int:
        """The most connections that there is room for: each may be sent a file, so it takes two descriptors."""
        return max(FEWEST, (self.files - own_files()) // 2)

    def enter(self, address: str, descriptor: int) -> str:
        """Count a new connection; returns '' where there is room for it, or of what there is none.

        `OF_ALL` means that not even a control route can be answered on it. A new descriptor is always the lowest free
        one, so its number says how near the limit is, whatever else holds files open.
        """
        self._there[address] += 1
        count, most = self._there.total(), self.most
        if count > most + max(FEWEST // 2, min(MOST_CONTROL, most // 8)) or self.files - descriptor <= self.files // 16:
            return OF_ALL
        if count > most:
            return OF_FILES
        return OF_ADDRESS if self.per_address and self._there[address] > self.per_address else ""

    def leave(self, address: str) -> None:
        """Count a connection that has gone."""
        self._there[address] -= 1
        if self._there[address] <= 0:
            del self._there[address]
