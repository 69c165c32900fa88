"""The sound of a run as one stream, while it is rendered."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final, Literal

from aiohttp import hdrs, web
from pydantic import BaseModel, Field

from devserver.media.encoding import FORMS
from devserver.playback.stream import Streams
from my_app.views.route import Route, RunId
from my_app.views.signature import Headers

USUAL: Final = "mp3"
BY_MIME: Final = {form.mime: name for name, form in FORMS.items()}


class Format(BaseModel):
    """The form of the sound."""

    format: Literal[tuple(FORMS)] | None = Field(None, description="Without it the Accept header decides, else MP3.")  # type: ignore[valid-type]


async def stream(
    request: web.Request, streams: Streams, headers: Headers, run_id: RunId, query: Format
) -> web.StreamResponse:
    """Stream a run's sound while it is rendered, from its beginning to its end.

    The answer begins when the first piece is there. Where the run has ended, or a piece is missing, the rest is that of
    its finished file.
    """
    await streams.wait_for(run_id)
    with streams.listen(run_id, query.format or accepted_form(headers.get(hdrs.ACCEPT, ""))) as recording:
        about = {
            hdrs.CONTENT_TYPE: recording.form.mime,
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.ACCEPT_RANGES: "none",
            "X-Accel-Buffering": "no",
        }
        response = web.StreamResponse(headers=about)
        await response.prepare(request)
        async with aclosing(recording.chunks()) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()
    return response


def accepted_form(accept: str) -> str:
    """Return the first form that an Accept header names, else MP3."""
    accepted = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((BY_MIME[mime] for mime in accepted if mime in BY_MIME), USUAL)


PATH: Final = "/api/media/stream/{run_id}"
ROUTES: Final = (Route("GET", PATH, stream, "media", (200, 409), media_type="audio/mpeg", head=False),)
