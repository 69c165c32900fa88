"""Debian's nginx with the lines that docs/security.md prints, and the settings that it prints for the server behind."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import yaml

from tests.doubles.nginx import free_port, prepare
from tests.doubles.programs import ROOT
from tests.patience import PATIENCE_S

PAGE: Final = ROOT / "docs" / "security.md"
TOP, BELOW, USERS = range(3)  # the blocks of the page, in their order
LISTENS: Final = {"80;": ";", "443 ssl;": " ssl;"}
PASSWORD: Final = "a password"


def blocks(language: str) -> list[str]:
    """The code blocks of the page in a language, as they are printed."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def settings(number: int) -> dict[str, Any]:
    """The settings that the page prints before a block of nginx's."""
    found: list[dict[str, Any]] = [yaml.safe_load(block) for block in blocks("yaml")]
    return [block for block in found if "localhost" not in block["public_urls"][0]][number]


def certificate(folder: Path) -> None:
    """A certificate of its own for every name of the page."""
    key, chain = folder / "privkey.pem", folder / "fullchain.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = "subjectAltName=DNS:music.example.org,DNS:studio.example.org"
    command += ["-keyout", str(key), "-out", str(chain), "-subj", "/CN=example.org", "-addext", names]
    subprocess.run(command, check=True, capture_output=True)


class PlainNginx:
    """A server of these lines at a free port of this machine, before a server of ours at `upstream_port`."""

    def __init__(self, folder: Path, location: str, upstream_port: int) -> None:
        self._start(folder, f"server {{\n    listen 80;\n{location}}}\n", {}, upstream_port)
        self.url = f"http://127.0.0.1:{self.port}"

    def _start(self, folder: Path, text: str, others: Mapping[str, str], upstream_port: int) -> None:
        """Put other ports and files in the place of those that are written."""
        self.port = free_port()
        own = {f"listen {printed}": f"listen 127.0.0.1:{self.port}{rest}" for printed, rest in LISTENS.items()}
        for printed, other in {**own, "127.0.0.1:17802": f"127.0.0.1:{upstream_port}", **others}.items():
            text = text.replace(printed, other)
        self._command, self._log = prepare(folder, text), folder / "error.log"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        while not self._listens():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True


class PrintedNginx(PlainNginx):
    """The page's server at a free port, with the given `location` in it; only ports and files are other ones."""

    def __init__(self, folder: Path, number: int, upstream_port: int, users: tuple[str, ...] = ()) -> None:
        top, *locations = blocks("nginx")
        text = top if number == TOP else f"{top.rstrip().removesuffix('}')}{locations[number - 1]}}}\n"
        files = folder.with_name(f"{folder.name}-files")
        files.mkdir(parents=True)
        certificate(files)
        (files / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
        others = {
            "/etc/letsencrypt/live/music.example.org": str(files),
            "/etc/nginx/music.users": str(files / "users"),
        }
        self._start(folder, text, others, upstream_port)
        self.context = ssl.create_default_context(cafile=str(files / "fullchain.pem"))
