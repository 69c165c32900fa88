"""What belongs to a run's sound: its notes as MIDI, its peaks for a player, its pictures."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from devserver.errors import InputError
from devserver.media.drawn import Drawn
from my_app.context import CONTEXT
from my_app.ports import Media
from my_app.route import NativeView, Reply, Route
from my_app.routes.media import DOWNLOAD, REPLIES, known_run, respond


async def midi(request: web.Request) -> web.StreamResponse:
    """The run's notes as a MIDI file, where what made its music knows them."""
    return await _of_role(request, "midi")


async def peaks(request: web.Request) -> web.StreamResponse:
    """The outline of the run's sound, as audiowaveform's JSON: made with it, or once when it is asked for."""
    run_id = await known_run(request)
    found = await asyncio.to_thread(request.app[CONTEXT].parts.role, run_id, "peaks")
    return respond(request, found) if found else await _drawn(request, "peaks.json")


async def waveform(request: web.Request) -> web.StreamResponse:
    """The waveform of the run's sound, 1600 x 320 on no ground; drawn once, when it is asked for."""
    return await _drawn(request, "waveform.png")


async def spectrogram(request: web.Request) -> web.StreamResponse:
    """The spectrogram of the run's sound, 1600 x 480, from 30 Hz to 20 kHz; drawn once, when it is asked for."""
    return await _drawn(request, "spectrogram.png")


async def _of_role(request: web.Request, role: str) -> web.StreamResponse:
    run_id = await known_run(request)
    return _answer(request, await asyncio.to_thread(request.app[CONTEXT].parts.role, run_id, role), role)


async def _drawn(request: web.Request, what: Drawn) -> web.StreamResponse:
    run_id = await known_run(request)
    return _answer(request, await request.app[CONTEXT].parts.drawn(run_id, what), "sound to draw")


def _answer(request: web.Request, found: Media | None, what: str) -> web.StreamResponse:
    if found is None:
        run_id = request.match_info["run_id"]
        hint = f"/api/runs/{run_id} lists its files."
        raise InputError(f"The run has no {what}.", status=404, field="run_id", value=run_id, hint=hint)
    return respond(request, found)


def _route(name: str, view: NativeView, summary: str, found: Reply = REPLIES[200]) -> Route:
    return Route("GET", f"/api/media/{name}/{{run_id}}", view, "media", summary, {**REPLIES, 200: found}, DOWNLOAD)


OUTLINE: Final = {
    "type": "object",
    "required": ["version", "channels", "sample_rate", "samples_per_pixel", "bits", "length", "data"],
    "properties": {"data": {"type": "array", "items": {"type": "integer"}, "description": "min and max by turns"}},
    "additionalProperties": {"type": "integer"},
}


ROUTES: Final = (
    _route("midi", midi, "A run's notes as MIDI"),
    _route("peaks", peaks, "The outline of a run's sound", Reply("The outline.", OUTLINE)),
    _route("waveform.png", waveform, "The waveform of a run's sound"),
    _route("spectrogram.png", spectrogram, "The spectrogram of a run's sound"),
)
