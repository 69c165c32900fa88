"""Forms as they arrive: the first file is read as it comes, and what stands before it is small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from devserver.errors import InputError
from devserver.files.uploads import MIB
from my_app.incoming.arriving import STALL, STALL_S, read_blocks

MOST_FIELDS: Final = 100
MOST_LINES: Final = 1000  # of headers and boundaries; each is a step of the parser
MOST_BYTES: Final = MIB
STEP_BYTES: Final = 1 << 16


class Counted:
    """A form's body as its parser reads it, counted until the file has begun.

    The parser goes on for as long as it finds something in the buffer: no timeout ends it and nothing else runs.
    """

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self.lines = self.bytes = 0
        self.counts = True

    async def readline(self, **limits: Any) -> bytes:
        self.lines += 1
        return self._checked(await self._content.readline(**limits))

    async def read(self, size: int = -1) -> bytes:
        return self._checked(await self._content.read(size))

    def unread_data(self, data: bytes) -> None:
        self.bytes -= len(data)
        self._content.unread_data(data)

    def at_eof(self) -> bool:
        return self._content.at_eof()

    def _checked(self, block: bytes) -> bytes:
        self.bytes += len(block)
        if self.counts and (self.lines > MOST_LINES or self.bytes > MOST_BYTES + STEP_BYTES):
            raise too_much()
        return block


def too_much() -> InputError:
    return InputError(
        "form_too_much_before_file", status=413, field="file", most_fields=MOST_FIELDS, most_mib=MOST_BYTES >> 20
    )


async def file_field(request: web.Request) -> BodyPartReader:
    """Return the first field of a form that is a file.

    Raises:
        InputError: it cannot be read (400), did not come in time (408), or has too much before the file (413).
    """
    content = Counted(request.content)
    try:
        form = MultipartReader(request.headers, cast(StreamReader, content))
        async with asyncio.timeout(request.app.get(STALL, STALL_S)):
            for _ in range(MOST_FIELDS):
                part = await form.next()
                if part is None:
                    raise InputError("form_no_file", status=400, field="file")
                if isinstance(part, BodyPartReader):
                    if part.filename is not None:
                        content.counts = False
                        return part
                    while await part.read_chunk(STEP_BYTES):
                        pass
    except TimeoutError as error:
        raise InputError("form_file_too_slow", status=408, field="file") from error
    except (ValueError, HttpProcessingError) as error:
        raise InputError("form_unreadable", status=400, field="file", problem=str(error)) from error
    raise too_much()


async def blocks_of(request: web.Request, part: BodyPartReader) -> AsyncIterator[bytes]:
    """Yield a file of a form as it arrives.

    Raises:
        InputError: the form ends before the file does, or its file cannot be read (400); it came too slowly (408).
    """
    try:
        async for block in read_blocks(request, lambda: part.read_chunk(MIB)):
            yield block
    except ValueError as error:
        raise InputError("form_unreadable", status=400, field="file", problem=str(error)) from error
    if not part.at_eof():
        raise InputError("form_cut_off", status=400, field="file")
