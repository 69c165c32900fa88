"""`keys`: make, list and remove keys; build the settings of the front from them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

from cli.build import load_definitions
from config import ROOT, Settings, is_loopback
from devserver.errors import InputError, TonewrightError
from devserver.files.exports import Exports
from devserver.users.keys import Keys, KeysUnreadable
from devserver.users.rights import Rights
from my_app.addresses.proxies import Proxies
from my_app.addresses.public_urls import PublicUrl
from my_app.door.context import FrontSettings

log = logging.getLogger(__name__)


class KeyNeeded(TonewrightError):
    """Other machines could reach the server without a key."""


def keys_of(settings: Settings) -> Keys:
    return Keys(Exports(settings.exports).state)


def front_settings(settings: Settings, keys: Keys) -> FrontSettings:
    """Return the settings of the front.

    Raises:
        KeyNeeded: other machines can reach the server, and there is no key.
    """
    urls = tuple(PublicUrl.read(url) for url in settings.public_urls)
    elsewhere = [url for url in urls if not url.is_loopback]
    exposed = not is_loopback(settings.host) or bool(elsewhere) or settings.trusted_user_header is not None
    try:
        needed = not keys.all and exposed
    except KeysUnreadable as e:
        log.error("%s Until then the server lets nobody in.", e)  # noqa: TRY400 - the message says all
        needed = False
    if needed:
        raise KeyNeeded(
            f"{_why_exposed(settings, elsewhere)}, so it needs a key first:"
            " `python server.py keys add NAME --admin` makes one and shows it."
        )
    networks = tuple(ip_network(address) for address in settings.trusted_proxies)
    return FrontSettings(
        ROOT / "public",
        urls,
        Proxies(networks, settings.trusted_user_header or ""),
        exposed,
        connections_per_address=settings.connections_per_address,
        requests_per_key=settings.requests_per_key,
    )


def _why_exposed(settings: Settings, elsewhere: Sequence[PublicUrl]) -> str:
    if not is_loopback(settings.host) or elsewhere:
        place = settings.host if not is_loopback(settings.host) else f"{elsewhere[0].origin}{elsewhere[0].prefix}"
        return f"At {place} other machines can reach this server"
    return "With trusted_user_header others reach this server through a proxy"


def add_key(settings: Settings, name: str, *, admin: bool, **limits: object) -> str:
    """Make a key and return the text to print. Raises InputError."""
    first = not keys_of(settings).all
    secret = keys_of(settings).add(name, admin=admin, rights=_rights(settings, limits))
    sees = "everybody's runs" if admin else "only their own runs"
    lines = [secret, f"This is the key of {name}, who sees {sees}. It is shown only once; the server keeps its hash."]
    if first:
        lines.append("From now on every request needs a key, on this machine too; the page asks for it once.")
    return "\n".join(lines)


def add_class(settings: Settings, name: str, size: int, **limits: object) -> str:
    """Make the keys of a class and return a sheet to print and cut up. Raises InputError."""
    made = keys_of(settings).add_class(name, size, _rights(settings, limits))
    urls = [PublicUrl.read(url) for url in settings.public_urls]
    own = f"http://{settings.host}:{settings.port}"
    at = next((f"{url.origin}{url.prefix}" for url in urls if not url.is_loopback), own)
    cut = "- " * 30
    slips = [f"{cut}\n{user:<36}{code}\nOpen {at} and enter this code." for user, code in made.items()]
    return "\n".join([*slips, cut, "The codes are shown only once; the server keeps their hashes."])


def list_keys(settings: Settings) -> str:
    keys = keys_of(settings).all
    lines = [
        f"{key.name:<32} {'admin' if key.admin else 'user ':<6} since {key.created_at[:10]}{_limits(key.rights)}"
        for key in keys
    ]
    return "\n".join(lines) or "There are no keys: everybody on this machine may use the server, and nobody else."


def _rights(settings: Settings, limits: Mapping[str, object]) -> Rights:
    rights = Rights.parse(**limits)
    known = sorted(load_definitions(settings).catalog.outputs) if rights.outputs else []
    for name in rights.outputs or ():
        if name not in known:
            raise InputError("unknown_output", field="outputs", value=name, allowed=known)
    return rights


def _limits(rights: Rights) -> str:
    rights_shown = [f"safety_floor {rights.safety_floor}"] if rights.safety_floor != "off" else []
    rights_shown += [f"queue_limit {rights.queue_limit}"] if rights.queue_limit else []
    rights_shown += [f"outputs {', '.join(rights.outputs) or 'none'}"] if rights.outputs is not None else []
    return "".join(f"  {each}" for each in rights_shown)


def remove_key(settings: Settings, name: str) -> str:
    """Remove a key and return the text to print. Raises InputError."""
    keys = keys_of(settings)
    keys.remove(name)
    last = "" if keys.all else " It was the last one: now everybody on this machine may use the server."
    return f"The key of {name} and its sessions no longer work. The runs stay.{last}"


def words(error: TonewrightError) -> str:
    """Return an error as text for the command line."""
    if not isinstance(error, InputError):
        return str(error)
    allowed = f" Allowed: {', '.join(error.allowed) if isinstance(error.allowed, list) else error.allowed}."
    return f"{error.message}{allowed if error.allowed else ''} {error.hint}".strip()
