"""A front over real sockets, before a server on SQLite whose runs the test itself ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from playwright.sync_api import Browser, sync_playwright

from cli.serve import READY
from devserver.app import App
from my_app import front as front_module
from my_app.door.context import FrontSettings
from my_app.front import Listening
from my_app.table import ROUTES
from my_app.views.openapi import build_openapi
from my_app.views.route import Route
from tests.devserver.conftest import app, definitions, exports
from tests.my_app.api import Api
from tests.my_app.still import PUBLIC, Still, client_of
from tests.patience import PATIENCE_S

__all__ = ["app", "definitions", "exports"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _described_once() -> Iterator[None]:
    """One description for all fronts with the usual routes, as it takes eight times as long as the rest of a front."""
    usual = cache(partial(build_openapi, ROUTES))

    def described(routes: Sequence[Route], version: str) -> dict[str, Any]:
        return usual(version) if routes is ROUTES else build_openapi(routes, version)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front_module, "build_openapi", described)
        yield


@pytest.fixture
def still(app: App) -> Still:
    return Still(app)


@pytest.fixture
async def front(still: Still) -> AsyncIterator[Listening]:
    async with still.listening(FrontSettings(public=PUBLIC, heartbeat_s=0.05, threads=4)) as listening:
        yield listening


@pytest.fixture
async def client(front: Listening) -> AsyncIterator[ClientSession]:
    """A client of the front, without cookies."""
    async with client_of(front) as client:
        yield client


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server with its embedded backend, in a process of its own."""
    exports = tmp_path_factory.mktemp("exports")
    command = [sys.executable, str(ROOT / "server.py"), "serve", "--port", "0", "--exports", str(exports)]
    environ = {**os.environ, "TONEWRIGHT_DISCOVER": "false"}
    log = exports.parent / "server.log"  # a pipe that nobody reads would stop the server once it is full
    with (
        log.open("w") as told,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True, env=environ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line.startswith(READY), log.read_text()
            yield line.removeprefix(READY).strip()
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


@pytest.fixture
async def api(server: str) -> AsyncIterator[Api]:
    async with ClientSession(server) as http, http.get("/openapi.json") as reply:
        yield Api(http, await reply.json())


@pytest.fixture(scope="module")  # while it is open, its event loop is in the way of tests that have their own
def chromium() -> Iterator[Browser]:
    """A headless browser. Tests that use it are marked `chromium`; where it is missing they are skipped with a word."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        quiet += ["--disable-sync", "--no-first-run", "--host-resolver-rules=MAP *.example.org 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()
