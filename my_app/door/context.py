"""The context of every request of the front."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NewType

from aiohttp import web

from devserver.users.keys import Keys
from devserver.users.sessions import Sessions
from my_app.addresses.proxies import Proxies
from my_app.addresses.public_urls import PublicUrl
from my_app.door.opened import OpenRequests
from my_app.door.visitors import Owners, Tries
from my_app.incoming.arriving import STALL_S
from my_app.views.threads import Threads


@dataclass(frozen=True)
class FrontSettings:
    """The settings of the front.

    Args:
        public: the folder of the browser's files.
        public_urls: where else the server is reached, and the pages of other servers that may use it.
        proxies: whose words about a request count.
        exposed: whether others than this machine can come here: then nobody is let in without a key.
        threads: how many views may work on threads at once. None waits, so more would only fight the loop for the GIL.
        stall_s: how long a body may stop on its way.
        connections_per_address: how many connections one address may have; 0 is any number.
        requests_per_key: how many requests of one key may be open, streams among them; 0 is any number.
        unread_s: how long a client may take nothing of what is sent to it.
        heartbeat_s: a comment line goes down every quiet event stream this often.
    """

    public: Path
    public_urls: tuple[PublicUrl, ...] = ()
    proxies: Proxies = field(default_factory=Proxies)
    exposed: bool = False
    threads: int = 4
    heartbeat_s: float = 15.0
    stall_s: float = STALL_S
    connections_per_address: int = 2000
    requests_per_key: int = 200
    unread_s: float = 300.0

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a request's Host may have besides the loopback ones, without port."""
        return frozenset(url.name for url in self.public_urls)

    @cached_property
    def origins(self) -> frozenset[str]:
        """The pages that may write here, besides our own."""
        return frozenset(url.origin for url in self.public_urls)


@dataclass(frozen=True)
class Context:
    """The context of every request of the front; `doors` are the threads on which keys are looked up.

    `given` has what a view may ask for, by its type.
    """

    given: Mapping[Any, Any]
    keys: Keys
    sessions: Sessions
    threads: Threads
    settings: FrontSettings
    owners: Owners
    opened: OpenRequests
    tries: Tries = field(default_factory=Tries)
    doors: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, thread_name_prefix="keys"))


Described = NewType("Described", dict[str, Any])  # the server's interface, as /openapi.json tells it
CONTEXT: Final = web.AppKey("context", Context)
