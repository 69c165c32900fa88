"""Remove passwords and tokens from addresses, and from what other programs say, before it is shown or logged."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

HIDDEN: Final = "***"
USER: Final = re.compile(r"(?<=://)[^/\s@'\"]*@")
SECRET_PARAMETER: Final = re.compile(
    r"(?i)([?&][a-z0-9_.-]*(?:token|key|secret|password|passwd|auth|sig|signature)[a-z0-9_.-]*=)[^&\s'\"<>)]+"
)

SECRET_HEADER: Final = re.compile(r"(?i)auth|token|key|secret|cookie|passw|session")
SHORTEST_SECRET: Final = 8  # characters; anything shorter may be a word that an answer means


def without_user(url: str) -> tuple[str, str]:
    """An address without the user and password in it, and the header Authorization that these mean, '' where none are.

    What is kept and shown of an address is the first part alone.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    name, _, password = user.partition(":")
    pair = f"{unquote(name)}:{unquote(password)}".encode()
    return urlunsplit(parts._replace(netloc=host)), f"Basic {base64.b64encode(pair).decode()}"


def hide_secrets(text: str) -> str:
    """A text in which users, passwords and tokens of addresses are hidden, also where a library has written them."""
    return SECRET_PARAMETER.sub(rf"\1{HIDDEN}", USER.sub(f"{HIDDEN}@", text))


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets in headers that are sent to another program, which may show them in its errors."""
    values = [value for name, value in headers.items() if SECRET_HEADER.search(name)]
    found = {part for value in values for part in (value, value.partition(" ")[2], value.partition("=")[2])}
    return tuple(sorted((part for part in found if len(part) >= SHORTEST_SECRET), key=len, reverse=True))


def without_secrets(told: bytes, secrets: Iterable[str]) -> bytes:
    """What a program says, without what it was sent in confidence."""
    for secret in secrets:
        told = told.replace(secret.encode(), HIDDEN.encode())
    return told
