"""``python -m devserver.agents``: serve one table of nodes until stdin closes or SIGTERM comes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

from aiohttp import web

from devserver.agents.host import Host
from devserver.agents.info import MAX_UPLOAD_BYTES
from devserver.agents.tables import UnknownTable


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devserver.agents", description=__doc__)
    parser.add_argument("--table", default="embedded", help="a table's name, or package.module:function")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--base", type=Path, required=True, help="folder for input, output and temp")
    parser.add_argument("--max-upload-bytes", type=int, default=MAX_UPLOAD_BYTES, help="the largest request body")
    parser.add_argument("--standalone", action="store_true", help="go on when stdin closes")
    return parser.parse_args()


async def serve(host: Host, port: int, *, standalone: bool) -> None:
    """Serve on loopback; prints one JSON line when listening."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(host.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        listening = runner.addresses[0][1]
        sys.stdout.write(json.dumps({"port": listening, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        if not standalone:
            threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
        stopped, broken = asyncio.create_task(stop.wait()), asyncio.create_task(host.broken())
        done, _ = await asyncio.wait([stopped, broken], return_when=asyncio.FIRST_COMPLETED)
        if broken in done:
            broken.result()
        broken.cancel()
    finally:
        await runner.cleanup()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # os.read, not sys.stdin: a thread that holds its lock would abort the interpreter's exit.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def main() -> None:
    options = arguments()
    try:
        host = Host(options.table, options.base, options.max_upload_bytes)
    except UnknownTable as error:
        sys.exit(f"error: {error}")
    asyncio.run(serve(host, options.port, standalone=options.standalone))


if __name__ == "__main__":
    main()
