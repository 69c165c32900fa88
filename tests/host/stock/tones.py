"""Tones for the stand-ins, and where LoadAudio finds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devserver.host.stock.sound import encode
from tests.host.conftest import Bench

RATE_HZ = 44100


def sine(seconds: float, frequency_hz: float = 440.0, rate_hz: int = RATE_HZ, channels: int = 2) -> NDArray[np.float32]:
    """A tone at half of full scale, [channels, samples]."""
    wave = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.tile(wave.astype(np.float32), (channels, 1))


def put_tone(bench: Bench, name: str = "tone.flac", **options: Any) -> NDArray[np.float32]:
    """A tone in the input folder, as LoadAudio will find it."""
    samples = sine(1.0, **options)
    rate = int(options.get("rate_hz", RATE_HZ))
    (bench.folders.input / name).write_bytes(encode(samples, rate, "flac", "", {}))
    return samples


def load(name: str = "tone.flac") -> dict[str, Any]:
    return {"class_type": "LoadAudio", "inputs": {"audio": name}}
