"""A run as one continuous sound, from its first piece on, while it is still made."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from aiohttp import hdrs, web

from devserver.errors import InputError
from devserver.media.encoding import FORMS
from my_app.context import CONTEXT
from my_app.route import Query, Reply, Route, check_run_id

USUAL: Final = "mp3"
BY_MIME: Final = {form.mime: name for name, form in FORMS.items()}


async def stream(request: web.Request) -> web.StreamResponse:
    """The sound of a run from its beginning, as far as it is made, and then as it goes on, to its end.

    The answer begins when the first piece is there. Where the run has ended, or a piece is missing, the rest is that of
    its finished file.
    """
    run_id, name = check_run_id(request.match_info["run_id"]), wanted_form(request)
    streams = request.app[CONTEXT].parts.streams
    await streams.wait_for(run_id)
    with streams.listen(run_id, name) as recording:
        headers = {
            hdrs.CONTENT_TYPE: recording.form.mime,
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.ACCEPT_RANGES: "none",
            "X-Accel-Buffering": "no",
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async with aclosing(recording.chunks()) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()
    return response


def wanted_form(request: web.Request) -> str:
    """The form by `?format=`, else the first that the Accept header names, else MP3."""
    asked = request.query.get("format")
    if asked is not None:
        if asked not in FORMS:
            message = f"A stream is not made as {asked}."
            raise InputError(message, status=422, field="format", value=asked, allowed=list(FORMS))
        return asked
    accepted = (part.partition(";")[0].strip().lower() for part in request.headers.get(hdrs.ACCEPT, "").split(","))
    return next((BY_MIME[mime] for mime in accepted if mime in BY_MIME), USUAL)


SOUND: Final = {"type": "string", "format": "binary"}
ROUTES: Final = (
    Route(
        "GET",
        "/api/media/stream/{run_id}",
        stream,
        "media",
        "A run's sound while it is made",
        {
            200: Reply("The sound, as MP3 or WebM/Opus, until the run is made.", SOUND, "audio/mpeg"),
            404: Reply("There is no such run.", "Error"),
            409: Reply("The run's backend sends no pieces (`not_streamable`).", "Error"),
            422: Reply("Another format than these two was asked for.", "Error"),
        },
        (Query("format", {"type": "string", "enum": list(FORMS)}, "Without it the Accept header decides, else MP3."),),
        head=False,
    ),
)
