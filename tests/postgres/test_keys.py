"""A key that is taken away is so in every process that shares the exports."""

from __future__ import annotations

import urllib.request
from contextlib import ExitStack, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from devserver.users.keys import Keys
from tests.doubles.postgres import Postgres
from tests.doubles.programs import Server
from tests.patience import PATIENCE_S


def opened(server: Server, secret: str) -> HTTPResponse:
    request = urllib.request.Request(f"{server.url}/api/events", headers={"Authorization": f"Bearer {secret}"})
    stream = urllib.request.urlopen(request, timeout=PATIENCE_S)
    assert isinstance(stream, HTTPResponse)
    return stream


def test_a_removed_key_ends_its_streams_in_every_process(postgres: Postgres, tmp_path: Path) -> None:
    url, keys = postgres.new_database(), Keys(tmp_path / ".state")
    bob, _ = keys.add("bob"), keys.add("anna", admin=True)
    with ExitStack() as stack:
        shared: dict[str, Any] = {"database_url": url, "role": "web", "embedded": False}
        servers = [stack.enter_context(Server(tmp_path, node=node, **shared)) for node in ("a", "b")]
        streams = [stack.enter_context(opened(server, bob)) for server in servers]
        keys.remove("bob")
        for stream in streams:
            with suppress(HTTPException, ConnectionError):
                while stream.readline():
                    pass
        for server in servers:
            assert server.call("GET", "/api/runs", headers={"Authorization": f"Bearer {bob}"})[0] == 401
