"""The video nodes: a film as its frames and its sound say."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from devserver.host.stock.sound import decode
from devserver.host.stock.video import SaveVideo, Video
from tests.host.conftest import Bench
from tests.host.stock.tones import load, put_tone


def film(bench: Bench, *, sound: bool) -> dict[str, Any]:
    save = {"video": ["2", 0], "filename_prefix": "f", "format": "mp4", "codec": "h264"}
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 12, "color": 0x00FF00}},
        "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 12.0}},
        "3": {"class_type": "SaveVideo", "inputs": save},
    }
    if sound:
        put_tone(bench)
        graph["4"] = load()
        graph["2"]["inputs"]["audio"] = ["4", 0]
    return graph


def test_film_decodes_with_its_sound(bench: Bench) -> None:
    graph = film(bench, sound=True)
    output = bench.run(graph)["3"]
    assert output["animated"] == [True]
    path = bench.saved(output["images"][0])
    with av.open(str(path)) as container:
        picture = container.streams.video[0]
        assert picture.average_rate == Fraction(12)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(picture)]
        assert json.loads(container.metadata["prompt"]) == graph
    assert len(frames) == 12
    assert frames[6].shape == (48, 64, 3)
    red, green, blue = frames[6][24, 32]
    assert green > 200
    assert max(red, blue) < 60
    heard, rate_hz = decode(path)
    assert heard.shape[1] == pytest.approx(rate_hz, rel=0.05)
    assert np.max(np.abs(heard)) == pytest.approx(0.5, abs=0.1)


def test_silent_film_has_no_soundtrack(bench: Bench) -> None:
    output = bench.run(film(bench, sound=False))["3"]
    with av.open(str(bench.saved(output["images"][0]))) as container:
        assert not container.streams.audio


@pytest.mark.parametrize(
    ("container", "codec", "word"), [("avi", "auto", "VideoContainer"), ("mp4", "av1", "VideoCodec")]
)
def test_another_container_or_codec_is_refused(container: str, codec: str, word: str) -> None:
    film = Video(np.zeros((1, 2, 2, 3), np.float32), Fraction(1), None)
    with pytest.raises(ValueError, match=f"is not a valid {word}"):
        SaveVideo().save(film, "f", container, codec)
