"""A run's sound in other forms: what was made with it is sent as it is, what was not is drawn."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientSession

from tests.doubles.odd_media import tone, wav
from tests.my_app.still import Still

ALL = ("midi", "peaks", "waveform.png", "spectrogram.png")
NOBODY = "20300101-000000-ffffffff"


@pytest.fixture
async def run_id(still: Still) -> str:
    """A run with a short sound and nothing beside it."""
    run_id = await still.accept()
    await still.add_file(run_id, wav(tone(0.1)), "07_output_audio.wav", mime="audio/wav")
    return run_id


@pytest.mark.parametrize(("filename", "mime"), [("08_midi.mid", "audio/midi"), ("09_peaks.json", "application/json")])
async def test_a_file_that_was_made_with_the_sound_is_sent_as_it_is(
    client: ClientSession, still: Still, run_id: str, filename: str, mime: str
) -> None:
    path = filename[3:].partition(".")[0]
    await still.add_file(run_id, b'{"made": 1}', filename, role=path, media="file", mime=mime)
    async with client.get(f"/api/media/{path}/{run_id}?download") as reply:
        assert (reply.status, reply.content_type, await reply.read()) == (200, mime, b'{"made": 1}')
        assert reply.headers["Content-Disposition"].startswith(f'attachment; filename="{filename}"')


async def test_peaks_that_nobody_made_are_drawn(client: ClientSession, run_id: str) -> None:
    async with client.get(f"/api/media/peaks/{run_id}") as reply:
        assert (reply.status, reply.content_type) == (200, "application/json")
        assert json.loads(await reply.read())["version"] == 2


@pytest.mark.parametrize(("name", "size"), [("waveform.png", (1600, 320)), ("spectrogram.png", (1600, 480))])
async def test_a_picture_has_the_size_that_is_promised(
    client: ClientSession, run_id: str, name: str, size: tuple[int, int]
) -> None:
    async with client.get(f"/api/media/{name}/{run_id}") as reply:
        content = await reply.read()
        assert (reply.status, reply.content_type) == (200, "image/png")
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == size


async def test_a_run_without_such_a_file_says_what_it_has_not(client: ClientSession, still: Still) -> None:
    silent = await still.accept()
    for path in ALL:
        async with client.get(f"/api/media/{path}/{silent}") as reply:
            error = (await reply.json())["error"]
            assert (reply.status, error["message_code"], error["value"]) == (404, "nothing_of_that_kind", silent), path
            assert error["values"]["what"] == ("midi" if path == "midi" else "sound to draw")


@pytest.mark.parametrize("path", ALL)
async def test_a_run_that_there_is_not_is_named(client: ClientSession, path: str) -> None:
    async with client.get(f"/api/media/{path}/{NOBODY}") as reply:
        assert (reply.status, (await reply.json())["error"]["message_code"]) == (404, "unknown_run")
