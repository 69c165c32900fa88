"""Files that runs work on: sound for a remix, an image for a video."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from devserver.uploads import MIB, Incoming, Upload
from my_app.arriving import arriving
from my_app.auth import viewer_of
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.forms import blocks_of, file_field
from my_app.route import Query, Reply, Route


async def upload(request: web.Request) -> web.StreamResponse:
    """Send a file: as the body itself, or as a file field of a form. The same content is kept once.

    It is decoded to its end: what cannot be used is refused, what is doubtful is in `warnings`. The `id` of the
    answer is what `params.<file parameter>` of a run takes.
    """
    uploads, viewer = request.app[CONTEXT].parts.uploads, viewer_of(request)
    if request.content_type == "multipart/form-data":
        part = await file_field(request)
        kept = await _receive(uploads.receive(part.filename or "", viewer), blocks_of(request, part))
    else:
        uploads.check_length(request.content_length or 0)
        kept = await _receive(uploads.receive(request.query.get("name", ""), viewer), _blocks_of_body(request))
    body: dict[str, Any] = {"id": kept.id, "media": kept.kind.media, "mime": kept.kind.mime, "bytes": kept.bytes}
    if kept.examined is not None:
        found = kept.examined.model_dump(mode="json")
        body |= {"facts": found["facts"], "warnings": found["warnings"]}
    return json_response(HTTPStatus.CREATED if kept.new else HTTPStatus.OK, body)


async def _receive(incoming: Incoming, blocks: AsyncIterator[bytes]) -> Upload:
    with incoming:
        async for block in blocks:
            await asyncio.to_thread(incoming.write, block)
        return await asyncio.to_thread(incoming.keep)


async def _blocks_of_body(request: web.Request) -> AsyncIterator[bytes]:
    async for block in arriving(request, lambda: request.content.read(MIB)):
        yield block


BINARY: Final = {"type": "string", "format": "binary"}
KEPT: Final = {
    "type": "object",
    "required": ["id", "media", "mime", "bytes"],
    "properties": {
        "id": {"type": "string", "description": "for `params.<file parameter>` of a run"},
        "media": {"type": "string", "enum": ["audio", "video", "image", "file"]},
        "mime": {"type": "string"},
        "bytes": {"type": "integer", "minimum": 1},
        "facts": {
            "type": "object",
            "description": "What was found by decoding it to its end; null where there is no such thing.",
            "properties": {name: {"type": ["object", "null"]} for name in ("sound", "picture")},
        },
        "warnings": {
            "type": "array",
            "description": "What is doubtful about it; a run that uses it warns of it too.",
            "items": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
ROUTES: Final = (
    Route(
        "POST",
        "/api/uploads",
        upload,
        "uploads",
        "Send a file to work on",
        {
            200: Reply("The same content was here already.", KEPT),
            201: Reply("The file is kept.", KEPT),
            400: Reply("The form cannot be read, or has no file.", "Error"),
            408: Reply("The body did not come in time.", "Error"),
            413: Reply("The file, or what a form has before it, is too large; the answer names the limit.", "Error"),
            415: Reply("The content is of no kind that could be used; the answer names those that could.", "Error"),
            422: Reply("The file is empty, damaged, cut off or too short; the answer says which.", "Error"),
        },
        query=(Query("name", {"type": "string"}, "The file's name, where the body is the file itself."),),
        body_required=True,
        bodies={
            "application/octet-stream": BINARY,
            "multipart/form-data": {"type": "object", "required": ["file"], "properties": {"file": BINARY}},
        },
    ),
)
