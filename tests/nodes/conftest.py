"""Music made once a session by the nodes themselves, and a listener that knows an MP3 and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes import TABLE

SAMPLE_RATE_HZ = 48_000


@dataclass(frozen=True)
class Piece:
    song: dict[str, Any]
    sounds: dict[str, NDArray[np.float32]]  # mix, drums, bass, chords, lead: [2, T]

    @property
    def mix(self) -> NDArray[np.float32]:
        return self.sounds["mix"]


def defaults(node: type[Any]) -> dict[str, Any]:
    """A node's inputs as its widgets show them at first."""
    inputs = node.INPUT_TYPES()["required"].items()
    return {name: options["default"] for name, (_, options) in inputs if "default" in options}


@lru_cache
def make(prompt: str, seconds: float = 8.0, seed: int = 1) -> Piece:
    composer, player = TABLE["TonewrightCompose"], TABLE["TonewrightSynthesise"]
    (song,) = composer().run(**defaults(composer) | {"prompt": prompt, "seconds": seconds, "seed": seed})
    outputs = player().run(song=song)["result"]
    sounds = {name: audio["waveform"][0] for name, audio in zip(player.RETURN_NAMES, outputs, strict=True)}
    return Piece(json.loads(song), sounds)


def through_mp3(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encoded as MP3 V0 and decoded again."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE_HZ, layout="stereo")
        stream.codec_context.qscale = True
        stream.codec_context.global_quality = 0
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    file.seek(0)
    with av.open(file, "r") as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def listen(sound: NDArray[np.float32]) -> dict[str, Any]:
    """What TonewrightAnalyse says of it."""
    audio = {"waveform": sound[np.newaxis], "sample_rate": SAMPLE_RATE_HZ}
    (report,) = TABLE["TonewrightAnalyse"]().run(audio=audio)["ui"]["analysis"]
    return dict(report)


@pytest.fixture(scope="session")
def piece() -> Callable[..., Piece]:
    return make


@pytest.fixture(scope="session")
def heard() -> Callable[[NDArray[np.float32]], dict[str, Any]]:
    return listen


@pytest.fixture(scope="session")
def mp3() -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    return through_mp3
