"""Replies of views, rendered as HTTP answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs
from pydantic import BaseModel

from my_app.addresses.below import below
from my_app.answers.errors import dump
from my_app.views.route import Route
from my_app.views.signature import Reply


def render(route: Route, result: Any, prefix: str) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers and body of what a view returned; each address of ours begins with `prefix`."""
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = dict(reply.headers)
    if hdrs.LOCATION in headers:
        headers[hdrs.LOCATION] = prefix + headers[hdrs.LOCATION]
    status = reply.status or route.statuses[0]
    if reply.body is None:
        return status, headers, b""
    return status, {hdrs.CONTENT_TYPE: "application/json", **headers}, dump(below(prefix, _plain(reply.body)))


def _plain(body: Any) -> Any:
    """Return JSON's own types. What was not set in a model is not in the answer."""
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(body, list):
        return [_plain(each) for each in body]
    return body
