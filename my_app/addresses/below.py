"""The addresses in answers and events: where the server is below a path, each begins with it.

They are made and kept without it, in records, events and kept answers; it is put before them when an answer is given.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

# The path that the server is below for this request; not there, or '', at the top.
PREFIX: Final = web.RequestKey("prefix", str)
# Fields that may hold addresses inside. All others may be a user's own and stay unchanged.
HOLDERS: Final = frozenset({"data", "formats", "media", "media_output", "media_outputs", "runs", "stages"})


def below(prefix: str, body: Any) -> Any:
    """Return an answer or an event with a prefix before each address of ours."""
    if not prefix:
        return body
    if isinstance(body, list):
        return [below(prefix, each) for each in body]
    if isinstance(body, dict):
        return {name: _placed(prefix, name, value) for name, value in body.items()}
    return body


def _placed(prefix: str, name: str, value: Any) -> Any:
    if name == "url" and isinstance(value, str) and value.startswith("/"):
        return prefix + value
    if name == "links" and isinstance(value, dict):
        return {to: prefix + address for to, address in value.items()}
    return below(prefix, value) if name in HOLDERS else value


def prefix_of(request: web.Request) -> str:
    """Return the path that the server is below for a request."""
    prefix: str = request.get(PREFIX, "")
    return prefix
