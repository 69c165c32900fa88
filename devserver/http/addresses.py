"""Remove users, passwords and tokens from the addresses of other programs before they are shown or logged."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

HIDDEN: Final = "***"
USER: Final = re.compile(r"(?<=://)[^/\s@'\"]*@")
SECRET_PARAMETER: Final = re.compile(
    r"(?i)([?&][a-z0-9_.-]*(?:token|key|secret|password|passwd|auth|sig|signature)[a-z0-9_.-]*=)[^&\s'\"<>)]+"
)


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
