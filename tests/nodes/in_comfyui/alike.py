"""Whether two hosts gave the same: plain values, and files by what is in them."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import av
import numpy as np

SOUND = {"flac", "wav", "mp3", "opus", "ogg", "m4a"}
VIDEO = {"mp4"}
LOSSLESS = {"flac", "wav"}
ONE_STEP = 1.01 / 32768  # ComfyUI rounds to 16 bits in its own way
LOSSY = 1e-3
PICTURE = 1.0  # mean difference in steps of 8 bits


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two JSON values differ; numbers may by a millionth."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = [f"{at}: keys {sorted(one)} and {sorted(other)}"] if one.keys() != other.keys() else []
        return found + [
            line for key in one.keys() & other.keys() for line in differences(one[key], other[key], f"{at}.{key}")
        ]
    if isinstance(one, list) and isinstance(other, list):
        found = [f"{at}: {len(one)} and {len(other)} items"] if len(one) != len(other) else []
        return found + [
            line for i, pair in enumerate(zip(one, other, strict=False)) for line in differences(*pair, f"{at}[{i}]")
        ]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    same = (
        math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9) if numbers else type(one) is type(other) and one == other
    )
    return [] if same else [f"{at}: {one!r:.120} and {other!r:.120}"]


def file_differences(ext: str, one: bytes, other: bytes) -> list[str]:
    """Where two files differ in what they hold."""
    if ext == "json":
        return differences(json.loads(one), json.loads(other))
    if ext in SOUND | VIDEO:
        found = _sound_differences(one, other, ONE_STEP if ext in LOSSLESS else LOSSY)
        return found + (_picture_differences(one, other) if ext in VIDEO else [])
    return [] if one == other else [f"{len(one)} and {len(other)} bytes, not the same"]


def _sound_differences(one: bytes, other: bytes, tolerance: float) -> list[str]:
    first, second = decoded(one), decoded(other)
    if first.shape != second.shape:
        return [f"sound of {first.shape} and {second.shape}"]
    apart = float(np.abs(first - second).max())
    return [] if apart <= tolerance else [f"samples differ by {apart}"]


def decoded(file: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A file's sound as [channels, samples]."""
    with av.open(io.BytesIO(file), "r") as container:
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp", layout=stream.layout.name)
        frames = [part.to_ndarray() for frame in container.decode(stream) for part in planar.resample(frame)]
        return np.concatenate([*frames, *(part.to_ndarray() for part in planar.resample(None))], axis=1)


def _picture_differences(one: bytes, other: bytes) -> list[str]:
    first, second = (_pictures(file) for file in (one, other))
    if [len(first), first[0].shape] != [len(second), second[0].shape]:
        return [f"{len(first)} pictures of {first[0].shape} and {len(second)} of {second[0].shape}"]
    apart = max(float(np.abs(a - b).mean()) for a, b in zip(first, second, strict=True))
    return [] if apart <= PICTURE else [f"pictures differ by {apart} steps"]


def _pictures(file: bytes) -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    """Every tenth picture, small."""
    with av.open(io.BytesIO(file), "r") as container:
        shown = (frame for number, frame in enumerate(container.decode(video=0)) if number % 10 == 0)
        return [frame.reformat(width=320, height=180, format="gray").to_ndarray().astype(np.int16) for frame in shown]
