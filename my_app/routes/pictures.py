"""A run's sound in other forms: notes as MIDI, peaks for a player, pictures."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web

from devserver.errors import InputError
from devserver.media.drawing_kinds import DrawingKind
from devserver.playback.derived import Media
from devserver.playback.of_runs import RunMedia
from devserver.runs.runs import Runs
from my_app.routes.media import FILE_STATUSES, Download, check_run, respond
from my_app.views.route import Route, RunId
from my_app.views.shapes import Shown


class Outline(Shown):
    """The waveform of a sound in audiowaveform's JSON: `data` has minimum and maximum in turns."""

    version: int
    channels: int
    sample_rate: int
    samples_per_pixel: int
    bits: int
    length: int
    data: list[int]


async def midi(request: web.Request, files: RunMedia, runs: Runs, run_id: RunId, query: Download) -> web.StreamResponse:
    """Send the run's notes as a MIDI file, if it has one."""
    await check_run(runs, run_id)
    return respond(request, _found(await files.find_role(run_id, "midi"), run_id, "midi"), query)


async def peaks(
    request: web.Request, files: RunMedia, runs: Runs, run_id: RunId, query: Download
) -> Annotated[web.StreamResponse, Outline]:
    """Send the peaks of the run's sound, made with it or at the first request."""
    await check_run(runs, run_id)
    found = await files.find_role(run_id, "peaks")
    return respond(request, found or await _draw(files, runs, run_id, "peaks.json"), query)


async def waveform(
    request: web.Request, files: RunMedia, runs: Runs, run_id: RunId, query: Download
) -> web.StreamResponse:
    """Send the waveform of the run's sound, 1600 x 320, transparent; drawn at the first request."""
    return respond(request, await _draw(files, runs, run_id, "waveform.png"), query)


async def spectrogram(
    request: web.Request, files: RunMedia, runs: Runs, run_id: RunId, query: Download
) -> web.StreamResponse:
    """Send the spectrogram of the run's sound, 1600 x 480, from 30 Hz to 20 kHz; drawn at the first request."""
    return respond(request, await _draw(files, runs, run_id, "spectrogram.png"), query)


async def _draw(files: RunMedia, runs: Runs, run_id: str, what: DrawingKind) -> Media:
    await check_run(runs, run_id)
    return _found(await files.draw(run_id, what), run_id, "sound to draw")


def _found(media: Media | None, run_id: str, what: str) -> Media:
    if media is None:
        raise InputError("nothing_of_that_kind", status=404, field="run_id", value=run_id, what=what)
    return media


ROUTES: Final = (
    Route("GET", "/api/media/midi/{run_id}", midi, "media", FILE_STATUSES, media_type="*/*"),
    Route("GET", "/api/media/peaks/{run_id}", peaks, "media", FILE_STATUSES),
    Route("GET", "/api/media/waveform.png/{run_id}", waveform, "media", FILE_STATUSES, media_type="*/*"),
    Route("GET", "/api/media/spectrogram.png/{run_id}", spectrogram, "media", FILE_STATUSES, media_type="*/*"),
)
