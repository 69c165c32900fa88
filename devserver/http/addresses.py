"""Remove passwords and tokens from addresses and from answers of other programs before they are shown or logged."""

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
SHORTEST_SECRET: Final = 8  # characters; anything shorter may be an ordinary word of an answer


def split_credentials(url: str) -> tuple[str, str]:
    """Return an address without its user and password, and the Authorization header for them ('' if there are none).

    Only the first part is stored and shown.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    name, _, password = user.partition(":")
    pair = f"{unquote(name)}:{unquote(password)}".encode()
    return urlunsplit(parts._replace(netloc=host)), f"Basic {base64.b64encode(pair).decode()}"


def hide_secrets(text: str) -> str:
    """Return a text with the users, passwords and tokens of addresses hidden, also those that a library wrote."""
    return SECRET_PARAMETER.sub(rf"\1{HIDDEN}", USER.sub(f"{HIDDEN}@", text))


def header_secrets(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets in headers that we send to another program, which may repeat them in its errors."""
    values = [value for name, value in headers.items() if SECRET_HEADER.search(name)]
    parts = {part for value in values for part in (value, value.partition(" ")[2], value.partition("=")[2])}
    return tuple(sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True))


def redact(text: bytes, secrets: Iterable[str]) -> bytes:
    """Return a text with the given secrets hidden."""
    for secret in secrets:
        text = text.replace(secret.encode(), HIDDEN.encode())
    return text
