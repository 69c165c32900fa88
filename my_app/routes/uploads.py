"""Uploads: input files of runs, such as sound for a remix or an image for a video."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from devserver.files.uploads import MIB, Incoming, Upload, Uploads
from my_app.door.visitors import Visitor
from my_app.incoming.arriving import read_blocks
from my_app.incoming.forms import blocks_of, file_field
from my_app.views.route import Route
from my_app.views.shapes import Count, Remark, Shown
from my_app.views.signature import Reply


class Name(BaseModel):
    """The name of a file."""

    name: str = Field("", description="The file's name, if the body is the file itself.")


class Kept(Shown):
    """An uploaded file. `facts` come from decoding it completely; null if there is no such part."""

    id: str = Field(description="for `params.<file parameter>` of a run")
    media: Literal["audio", "video", "image", "file"]
    mime: str
    bytes: Count
    facts: dict[str, dict[str, Any] | None] = Field({})
    warnings: list[Remark] = Field([], description="warnings about the file; a run that uses it has them too")


async def upload(request: web.Request, uploads: Uploads, visitor: Visitor, query: Name) -> Reply[Kept]:
    """Upload a file, as the body itself or as a file field of a form. The same content is kept once.

    It is decoded to its end: what cannot be used is refused, what is doubtful is in `warnings`. The `id` of the
    answer is what `params.<file parameter>` of a run takes.
    """
    viewer = visitor.viewer
    if request.content_type == "multipart/form-data":
        part = await file_field(request)
        kept = await _receive(uploads.receive(part.filename or "", viewer), blocks_of(request, part))
    else:
        uploads.check_length(request.content_length or 0)
        kept = await _receive(uploads.receive(query.name, viewer), _blocks_of_body(request))
    about: dict[str, Any] = {"id": kept.id, "media": kept.kind.media, "mime": kept.kind.mime, "bytes": kept.bytes}
    if kept.examined is not None:
        found = kept.examined.model_dump(mode="json")
        about |= {"facts": found["facts"], "warnings": found["warnings"]}
    return Reply(Kept.model_validate(about), HTTPStatus.CREATED if kept.new else HTTPStatus.OK)


async def _receive(incoming: Incoming, blocks: AsyncIterator[bytes]) -> Upload:
    with incoming:
        async for block in blocks:
            await asyncio.to_thread(incoming.write, block)
        return await asyncio.to_thread(incoming.keep)


async def _blocks_of_body(request: web.Request) -> AsyncIterator[bytes]:
    async for block in read_blocks(request, lambda: request.content.read(MIB)):
        yield block


BINARY: Final = {"type": "string", "format": "binary"}
FORM: Final[dict[str, Any]] = {"type": "object", "required": ["file"], "properties": {"file": BINARY}}
FORMS: Final = {"application/octet-stream": BINARY, "multipart/form-data": FORM}
ROUTES: Final = (Route("POST", "/api/uploads", upload, "uploads", (201, 200, 415, 422), forms=FORMS),)
