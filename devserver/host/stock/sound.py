"""Reading, writing and resampling audio for the stand-ins.

AUDIO is ``{"waveform": float32 [batch, channels, samples], "sample_rate": Hz}``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from devserver.nodes.host import host
from devserver.nodes.studio.decode import PACKED, channels_of

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

Samples = NDArray[np.float32]


class Audio(TypedDict):
    """A sound between nodes."""

    waveform: Samples
    sample_rate: int


OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
CODECS: Mapping[str, Literal["flac", "libmp3lame", "libopus"]] = {
    "flac": "flac",
    "mp3": "libmp3lame",
    "opus": "libopus",
}


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return the same sound at another rate; the last axis is time."""
    if from_hz == to_hz:
        return samples
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples, to_hz, from_hz, axis=-1), np.float32)


def decode(path: Path) -> tuple[Samples, int]:
    """Return the first audio stream of a file as [channels, samples] and its rate in Hz.

    Raises:
        ValueError: the file has no audio stream, or nothing can be decoded from it.
    """
    import av

    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"{path.name} has no audio stream")
        stream = container.streams.audio[0]
        packed = av.AudioResampler(format=PACKED)
        parts: list[Samples] = []
        for frame in container.decode(stream):
            host().check()
            parts.extend(channels_of(part) for part in packed.resample(frame))
        parts.extend(channels_of(part) for part in packed.resample(None))
        if not parts:
            raise ValueError(f"{path.name} holds no audio that can be decoded")
        return np.concatenate(parts, axis=1), int(stream.rate)


def encode(samples: Samples, rate_hz: int, kind: str, quality: str, tags: Mapping[str, object]) -> bytes:
    """Encode a file: `kind` flac, mp3 or opus; `quality` V0 or a bit rate as "128k", "" for flac; tags as JSON.

    Raises:
        ValueError: not one or two channels, or no samples.
    """
    import av

    channels, length = samples.shape
    if channels not in {1, 2} or length == 0:
        raise ValueError(
            f"audio has {channels} channels of {length} samples; allowed are 1 or 2 channels of at least 1"
        )
    if kind == "opus":
        wanted_hz = next((rate for rate in OPUS_RATES_HZ if rate >= rate_hz), OPUS_RATES_HZ[-1])
        samples, rate_hz = resample(samples, rate_hz, wanted_hz), wanted_hz
    layout = "mono" if channels == 1 else "stereo"
    target = io.BytesIO()
    with av.open(target, mode="w", format=kind) as container:
        container.metadata.update({key: json.dumps(value) for key, value in tags.items()})
        stream = container.add_stream(CODECS[kind], rate=rate_hz, layout=layout)
        if quality == "V0":
            stream.codec_context.qscale = True  # with a global quality of 0: LAME's best variable rate
        elif quality:
            stream.bit_rate = int(quality.removesuffix("k")) * 1000
        write_audio(container, stream, samples, rate_hz)
    return target.getvalue()


def write_audio(container: OutputContainer, stream: AudioStream, samples: Samples, rate_hz: int) -> None:
    """Encode [channels, samples] into an open stream, a second at a time, so that a cancel takes effect."""
    import av

    for start in range(0, samples.shape[1], rate_hz):
        host().check()
        part = samples[:, start : start + rate_hz]
        interleaved = np.ascontiguousarray(part.T, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout="mono" if len(samples) == 1 else "stereo")
        frame.sample_rate, frame.pts = rate_hz, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
