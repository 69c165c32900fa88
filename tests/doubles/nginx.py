"""Debian's nginx in front of a backend, with a configuration and folders of its own that are thrown away."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

NO_NGINX = "needs Debian's nginx: apt-get install nginx"
LISTENS_WITHIN_S = 30.0
# In the foreground and as one process, so that ending it ends all of it.
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_header {{ default upgrade; '' close; }}
    {servers}
}}
"""
GATEWAY = """
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_read_timeout {patience_s}s;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_header;
        }}
    }}
"""


def program() -> str | None:
    """The path of nginx; None where there is none."""
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def prepare(folder: Path, servers: str) -> list[str]:
    """Write a configuration with these servers into a new folder; returns the command that starts it."""
    found = program()
    if found is None:
        raise LookupError(NO_NGINX)
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, servers=servers))
    return [found, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]


class Nginx:
    """A gateway before `upstream`, which it gives `patience_s` for an answer; then it answers 504 itself."""

    def __init__(self, folder: Path, upstream: str, patience_s: int = 1) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        servers = GATEWAY.format(port=self.port, upstream=upstream, patience_s=patience_s)
        self._command = prepare(folder, servers)

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=subprocess.DEVNULL)
        async with asyncio.timeout(LISTENS_WITHIN_S):
            while not await self._listens():
                assert self._process.returncode is None, "nginx has ended"
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
