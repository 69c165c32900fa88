"""``python -m devserver.host``: serve one table of nodes until stdin closes, or standalone until a signal comes."""

from __future__ import annotations

import signal

if __name__ == "__main__":  # Ctrl-C during the start ends it without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from devserver.host.host import Host
from devserver.host.info import MAX_UPLOAD_BYTES
from devserver.host.tables import UnknownTable
from devserver.processes.signals import ignore_stops, run_until_stopped

LIMIT_S = 4.0  # limit for the shutdown; the host has no state to save


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devserver.host", description=__doc__)
    parser.add_argument("--table", default="embedded", help="a table's name, or package.module:function")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--base", type=Path, required=True, help="folder for input, output and temp")
    parser.add_argument("--max-upload-bytes", type=int, default=MAX_UPLOAD_BYTES, help="the largest request body")
    parser.add_argument(
        "--token-on-stdin", action="store_true", help="read the token that requests need from the first line"
    )
    parser.add_argument("--standalone", action="store_true", help="go on when stdin closes")
    return parser.parse_args(words)


async def serve(host: Host, port: int, *, standalone: bool) -> None:
    """Serve on loopback until a signal comes or, if not standalone, until stdin closes.

    Print one JSON line when it listens.

    Raises:
        OSError: the port is taken.
    """
    await run_until_stopped(
        _serve_until_broken(host, port), code=0, limit_s=LIMIT_S, signals=standalone, with_parent=not standalone
    )


async def _serve_until_broken(host: Host, port: int) -> None:
    runner = web.AppRunner(host.app(), access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        listening = runner.addresses[0][1]
        sys.stdout.write(json.dumps({"port": listening, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await host.wait_until_broken()
    finally:
        host.running_prompt.freeze()
        await runner.cleanup()


def main(words: Sequence[str] | None = None, make_token: Callable[[], str] | None = None) -> None:
    """Run a host. `make_token` returns the token that requests need; command lines are readable by other users."""
    options = parse_arguments(words)
    if not options.standalone:
        ignore_stops()
    token = None
    if options.token_on_stdin:
        with open(0, "rb", buffering=0, closefd=False) as stdin:
            token = stdin.readline().decode().strip()
    try:
        host = Host(options.table, options.base, options.max_upload_bytes, token)
    except UnknownTable as error:
        sys.exit(f"error: {error}")
    if make_token is not None:
        host.token = make_token()
    try:
        asyncio.run(serve(host, options.port, standalone=options.standalone))
    except OSError as error:
        sys.stderr.write(f"Cannot listen at 127.0.0.1:{options.port}: {error.strerror}. Take another --port.\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
