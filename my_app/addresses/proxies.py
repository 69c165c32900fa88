"""The headers of trusted proxies: path prefix and user.

Anybody can send such a header. From anybody else it is as if it was not there, and the log says so.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from devserver.errors import InputError
from my_app.addresses.below import PREFIX
from my_app.addresses.public_urls import LOOPBACK_HOSTS, PublicUrl, called_by, host_name

LOG: Final = logging.getLogger(__name__)
PREFIX_HEADER: Final = "X-Forwarded-Prefix"
PATH: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
LONGEST_PATH: Final = 200
USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
MOST_REPORTED: Final = 100

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Proxies:
    """The proxies whose words count.

    Args:
        networks: their addresses.
        user_header: the header in which they name the user; '' where they name none.
    """

    networks: tuple[Network, ...] = ()
    user_header: str = ""
    _reported: set[tuple[str, str]] = field(default_factory=set, compare=False)

    def trusts(self, address: str | None) -> bool:
        """Return True for a connection from a trusted proxy."""
        found = _address(address)
        return found is not None and any(found in network for network in self.networks)

    def user(self, request: web.Request) -> str | None:
        """Return the user that a trusted proxy names; None where none does.

        Raises:
            InputError: what it says is no user's name (400).
        """
        said = _join_values(request, self.user_header) if self.user_header else ""
        if not said:
            return None
        if not self.trusts(request.remote):
            self._ignored(request, self.user_header)
            return None
        if not USER.fullmatch(said):
            raise InputError("proxy_user_unusable", status=400, field=self.user_header, value=said[:200])
        return said

    def prefix(self, request: web.Request) -> str:
        """Return the path that a proxy has taken off; '' where none has.

        It is believed of a trusted proxy; and of this machine, where it calls us by a loopback name, so that nobody
        else is answered.

        Raises:
            InputError: what it says is no path (400).
        """
        said = _join_values(request, PREFIX_HEADER)
        if not said:
            return ""
        if not self.trusts(request.remote) and not _is_of_this_machine(request):
            self._ignored(request, PREFIX_HEADER)
            return ""
        path = said.rstrip("/")
        if len(path) > LONGEST_PATH or not PATH.fullmatch(path):
            shown = said[:200]
            raise InputError("proxy_path_unusable", status=400, field=PREFIX_HEADER, value=shown, most=LONGEST_PATH)
        return path

    def _ignored(self, request: web.Request, header: str) -> None:
        about = (request.remote or "", header)
        if about not in self._reported and len(self._reported) < MOST_REPORTED:
            self._reported.add(about)
            LOG.warning("%s from %s is ignored: `trusted_proxies` does not name it (told once)", header, about[0])


def locate(proxies: Proxies, urls: tuple[PublicUrl, ...]) -> Middleware:
    """Return the middleware that finds out below which path the server is for each request."""

    @web.middleware
    async def find(request: web.Request, handler: Handler) -> web.StreamResponse:
        url = called_by(request.host, urls)
        own = url.prefix if url else ""
        request[PREFIX] = own or proxies.prefix(request)
        if own and request.path == own and request.method in {hdrs.METH_GET, hdrs.METH_HEAD}:
            return web.Response(status=308, headers={hdrs.LOCATION: f"{own}/"})  # the page names what is below it
        return await handler(request)

    return find


def _join_values(request: web.Request, header: str) -> str:
    """Return all values of a header, joined: several of one name are no one path and no one user."""
    return ", ".join(request.headers.getall(header, []))


def _address(address: str | None) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_of_this_machine(request: web.Request) -> bool:
    address = _address(request.remote)
    return address is not None and address.is_loopback and host_name(request.host) in LOOPBACK_HOSTS
