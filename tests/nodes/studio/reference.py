"""What the studio is measured with: FFmpeg's own meter, and sounds that are hard to master."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]


class Reading(NamedTuple):
    loudness_lufs: float
    true_peak_dbtp: float
    range_lu: float
    short_term_lufs: tuple[float, ...]  # of the 3 s that end at each tenth of a second


def ebur128(sound: Sound, sample_rate_hz: int) -> Reading:
    """How FFmpeg's ``ebur128=peak=true`` reads [C, T]."""
    layout = "mono" if len(sound) == 1 else "stereo"
    base = Fraction(1, sample_rate_hz)
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=sample_rate_hz, format="fltp", layout=layout, time_base=base)
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    last: dict[str, str] = {}
    short: list[float] = []
    for start in [*range(0, sound.shape[1], 4800), None]:
        if start is None:
            graph.push(None)
        else:
            block = np.ascontiguousarray(sound[:, start : start + 4800], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sample_rate_hz, start, base
            graph.push(frame)
        for out in _pulled(graph):
            last = dict(out.metadata) or last
            short.append(float(last.get("lavfi.r128.S", -70)))
    peak = max(float(last.get(f"lavfi.r128.true_peaks_ch{channel}", 0)) for channel in range(len(sound)))
    loudness, loudness_range = (
        float(last.get(f"lavfi.r128.{name}", default)) for name, default in (("I", -70), ("LRA", 0))
    )
    return Reading(loudness, 20 * math.log10(max(peak, 1e-9)), loudness_range, tuple(short))


def _pulled(graph: av.filter.Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def tone(hz: float, seconds: float, rate: int, channels: int = 2, amplitude: float = 0.3) -> Sound:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate + np.pi / 4)
    return np.stack([wave] * channels).astype(np.float32)


def noise(amplitude: float, seconds: float, rate: int, channels: int = 2) -> Sound:
    drawn = np.random.default_rng(5).standard_normal((channels, round(seconds * rate)))
    return np.asarray(amplitude * drawn, np.float32)


def drums(seconds: float, rate: int, channels: int = 2) -> Sound:
    """A kick and a snare in turn, dry, over a quiet hiss."""
    at = np.arange(round(seconds * rate)) / rate % 0.5
    kick = np.sin(2 * np.pi * 50 * at + 8 * np.exp(-at * 60)) * np.exp(-at / 0.12)
    snare = noise(0.3, seconds, rate, 1)[0] * np.exp(-((at + 0.25) % 0.5) / 0.06)
    return np.stack([0.8 * (kick + snare)] * channels).astype(np.float32) + noise(0.01, seconds, rate, channels)


def sounds(seconds: float, rate: int, channels: int) -> dict[str, Sound]:
    """Sounds by name, each as different from music as music gets."""
    return {
        "noise": noise(0.2, seconds, rate, channels),
        "a tone": tone(997, seconds, rate, channels),
        "a low tone": tone(50, seconds, rate, channels),
        "a tone whose peaks lie between samples": tone(rate / 4, seconds, rate, channels),
        "drums": drums(seconds, rate, channels),
        "very quiet": noise(0.0005, seconds, rate, channels),
        "very hot": np.clip(noise(4, seconds, rate, channels), -3, 3),
        "loud and soft": noise(0.1, seconds, rate, channels)
        * np.where(np.arange(round(seconds * rate)) // rate % 2, 1, 0.1).astype(np.float32),
    }


def decoded(path: Path) -> tuple[Sound, int]:
    """The sound in a file, [C, T], and its rate in Hz."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp")
        frames = [part for frame in container.decode(stream) for part in planar.resample(frame)]
        frames += planar.resample(None)
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), stream.rate
