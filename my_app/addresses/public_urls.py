"""The addresses that the server is reached at from outside, as `public_urls` names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from aiohttp.http_parser import RawRequestMessage

USUAL_PORTS: Final = {"http": 80, "https": 443}
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class PublicUrl:
    """One address: the origin of its pages, the host's name, and the path that the server is below ('' at the top)."""

    origin: str
    name: str
    prefix: str

    @classmethod
    def read(cls, url: str) -> Self:
        """Read an address that the settings have checked."""
        parts = urlsplit(url)
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = "" if parts.port in (None, USUAL_PORTS[parts.scheme]) else f":{parts.port}"
        return cls(f"{parts.scheme}://{name}{port}", name, parts.path.rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        """It names this machine to itself: a page at another port, which nobody else reaches."""
        return self.name in LOOPBACK_HOSTS


def called_by(host: str, urls: Sequence[PublicUrl]) -> PublicUrl | None:
    """Return the public address that a Host header names; where it has no port, the port of the address may be any."""
    name = host_name(host)
    exact = {f"{scheme}://{host.lower()}".removesuffix(f":{port}") for scheme, port in USUAL_PORTS.items()}
    without_port = host.lower() == name
    named = [url for url in urls if url.origin in exact or (without_port and url.name == name)]
    return next((url for url in named if url.origin in exact), named[0] if named else None)


def host_name(host: str) -> str:
    """Return the name in a Host header, lower case, without port: `[::1]:80` gives `[::1]`; '' where it is invalid."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        return ""
    if parts.hostname is None or parts.path or parts.query or parts.fragment or parts.username is not None:
        return ""
    return f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname


def own_path(message: RawRequestMessage, urls: Sequence[PublicUrl]) -> RawRequestMessage:
    """Take the path of a public address off a request that a proxy sent on as it came."""
    if not any(url.prefix for url in urls):
        return message
    url = called_by(message.headers.get("Host", ""), urls)
    path = message.url.raw_path
    if url is None or not url.prefix or not path.startswith(f"{url.prefix}/"):
        return message
    shorter = message.url.with_path(path.removeprefix(url.prefix), encoded=True, keep_query=True)
    return message._replace(path=shorter.raw_path_qs, url=shorter)
