"""Loudness, loudness range and true peak, as FFmpeg's EBU R 128 meter reads them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FLOOR_LUFS = -70.0  # the meter's absolute gate
CURVE_POINTS = 120
CURVE_STEPS_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
SHORT_TERM_SECONDS = 3.0
FEED_SECONDS = 0.5


@dataclass(frozen=True)
class Loudness:
    """None where the sound is below the gate or shorter than what is measured (0.4 s, 3 s)."""

    integrated_lufs: float | None
    short_term_max_lufs: float | None
    curve_lufs: tuple[float | None, ...]
    curve_step_seconds: float
    range_lu: float | None
    true_peak: float


def measure_loudness(audio: Samples, sample_rate_hz: int, tick: Callable[[], None]) -> Loudness:
    """The loudness of finite float32 [C, T], C 1 or 2; `tick` is called every half second of sound."""
    length = audio.shape[1]
    seconds = length / sample_rate_hz
    readings = _readings(audio, sample_rate_hz, tick)
    last = readings[-1][1] if readings else {}
    short_term = [(at, _gated(read.get("lavfi.r128.S"))) for at, read in readings]
    whole = [value for at, value in short_term if at >= SHORT_TERM_SECONDS and value is not None]
    step = next((step for step in CURVE_STEPS_SECONDS if seconds / step <= CURVE_POINTS), CURVE_STEPS_SECONDS[-1])
    by_step = {round(at * 10): value for at, value in short_term}
    curve = tuple(by_step.get(round(index * step * 10)) for index in range(1, int(seconds / step) + 1))
    return Loudness(
        integrated_lufs=_gated(last.get("lavfi.r128.I")),
        short_term_max_lufs=max(whole, default=None),
        curve_lufs=curve,
        curve_step_seconds=step,
        range_lu=float(last.get("lavfi.r128.LRA", 0)) if whole else None,
        true_peak=float(last.get("lavfi.r128.true_peak", 0)),
    )


def _gated(text: str | None) -> float | None:
    if text is None:
        return None
    value = float(text)
    return round(value, 2) if math.isfinite(value) and value > FLOOR_LUFS else None


def _readings(audio: Samples, sample_rate_hz: int, tick: Callable[[], None]) -> list[tuple[float, dict[str, str]]]:
    """What the meter says after each 0.1 s: the time in seconds, and its values by FFmpeg's names."""
    import av

    layout = "mono" if len(audio) == 1 else "stereo"
    base = Fraction(1, sample_rate_hz)
    graph: Any = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=sample_rate_hz, format="fltp", layout=layout, time_base=base)
    meter = graph.add("ebur128", "metadata=1:framelog=quiet:peak=true")
    graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
    readings: list[tuple[float, dict[str, str]]] = []

    def drain() -> None:
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            readings.append(((frame.pts + frame.samples) / frame.sample_rate, frame.metadata))

    size = round(FEED_SECONDS * sample_rate_hz)
    for start in range(0, audio.shape[1], size):
        part = np.ascontiguousarray(audio[:, start : start + size])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate_hz, start, base
        graph.push(frame)
        drain()
        tick()
    if audio.shape[1]:
        graph.push(None)
        drain()
    return readings
