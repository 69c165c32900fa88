"""`serve`: build the server, start it, listen until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import sys

from cli.build import apply_file_mode, build_app
from cli.keys import front_settings, keys_of
from config import Settings
from devserver.processes.limits import raise_open_files
from devserver.processes.signals import run_until_stopped
from devserver.watching.logs import configure
from my_app.front import create_front, listen_at
from my_app.table import ROUTES, WORKER_ROUTES

READY = "Tonewright is ready at "
VERSION = "0.1.0"


async def serve(settings: Settings, *, with_parent: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. A line on stdout that begins with `READY` has the address.

    `with_parent` stops it when stdin closes too.
    """
    configure(settings.log_level, settings.log_format)
    await run_until_stopped(_serve(settings), code=0, with_parent=with_parent)


async def _serve(settings: Settings) -> None:
    """Serve until this is cancelled, which may happen anywhere during the start, too."""
    raise_open_files()
    apply_file_mode(settings)
    doors = front_settings(settings, keys_of(settings))
    app = await build_app(settings)
    try:
        routes = WORKER_ROUTES if settings.role == "worker" else ROUTES
        front = create_front(app, doors, version=VERSION, routes=routes)
        listening = await listen_at(front, settings.host, settings.port)
        try:
            await app.start()
            gc.collect()
            gc.freeze()  # the server's own objects never become garbage; scanning them stops the loop
            sys.stdout.write(f"{READY}{listening.url}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        finally:
            await listening.close()
    finally:
        await app.stop()
        app.exports.unlock()
