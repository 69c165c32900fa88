"""The outputs that work on a recording, and the film of a piece, as they come with Tonewright."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.studio.meter import Meter
from tests.doubles.programs import Server


@pytest.fixture(scope="module")
def recording(server: Server) -> str:
    """The upload of a piece far quieter than any platform's loudness."""
    values = {"seconds": 6, "format": "flac", "loudness": -30, "stems": False}
    _, body = server.execute(input_text="house", output_config="procedural_instrumental", params=values)
    _, flac = server.call("GET", body["media_output"]["url"])
    _, told = server.call("POST", "/api/uploads", flac)
    return str(told["id"])


def made(server: Server, output: str, **params: Any) -> dict[str, Any]:
    status, body = server.execute(input_text="My song", output_config=output, params=params)
    assert status == 200, body
    return dict(body)


def samples(server: Server, url: str) -> NDArray[np.float32]:
    """The sound at an address, float32 [2, T]."""
    _, content = server.call("GET", url)
    with av.open(BytesIO(content), "r") as file:
        resampler = av.AudioResampler(format="fltp")
        parts = [part.to_ndarray() for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def test_a_recording_is_mastered_to_the_loudness_under_the_ceiling(server: Server, recording: str) -> None:
    body = made(server, "mastered_recording", audio=recording, loudness=-16, ceiling=-2)
    meter = Meter(48_000)
    meter.add(samples(server, body["media_output"]["url"]))
    assert meter.levels().loudness_lufs == pytest.approx(-16, abs=0.2)
    assert meter.levels().true_peak_dbtp <= -2


def test_the_layers_of_a_recording_add_up_to_it(server: Server, recording: str) -> None:
    body = made(server, "stems_preview", audio=recording)
    _, stems = server.call("GET", f"/api/media/stems/{body['run_id']}")
    assert [stem["name"] for stem in stems] == ["bass_preview", "harmonic_preview", "percussive_preview"]
    total = sum(samples(server, stem["url"]) for stem in stems)
    assert np.abs(total - samples(server, body["media_output"]["url"])).max() < 2**-20


@pytest.mark.parametrize("output", ["procedural_video", "recording_video"])
def test_a_film_has_picture_and_sound_of_one_length(server: Server, recording: str, output: str) -> None:
    params = {"audio": recording} if output == "recording_video" else {"seconds": 4}
    body = made(server, output, **params, palette="ember", lyrics="[00:01.00] One line")
    _, content = server.call("GET", body["media_output"]["url"])
    with av.open(BytesIO(content), "r") as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        assert (picture.width, picture.height, picture.codec_context.name) == (1280, 720, "h264")
        lengths = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in (picture, sound)]
    assert lengths == pytest.approx([params.get("seconds", 6)] * 2, abs=0.05)
