"""Draw a sound: its peaks as data, its waveform and its spectrogram as pictures.

All of it takes long, so it is done in a worker process. A sound is read block by block: memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devserver.media.drawing_kinds import DrawingKind, NoSound
from devserver.nodes.measure.peaks import Peaks
from devserver.system.atomic import write_atomic

RATE_HZ: Final = 48_000
PEAK_POINTS: Final = 2000
WAVEFORM_SIZE: Final = (1600, 320)
INK: Final = (79, 112, 230, 255)  # readable on white and on black; the picture has no ground of its own
SPECTROGRAM_SIZE: Final = (1600, 480)
LOWEST_HZ, HIGHEST_HZ = 30.0, 20_000.0
FLOOR_DB: Final = -90.0
WINDOW: Final = 4096
WINDOWS_PER_COLUMN: Final = 4
# Dark to light with a hue that turns, so that it can be read in grey too: (place 0..1, red, green, blue).
SHADES: Final = ((0.0, 4, 4, 14), (0.3, 54, 20, 96), (0.55, 160, 42, 108), (0.8, 240, 122, 70), (1.0, 252, 246, 188))

Samples = NDArray[np.float32]


def draw(source: Path, target: Path, what: DrawingKind) -> None:
    """Write a drawing of the sound in `source` atomically to `target`.

    Raises:
        NoSound: it cannot be decoded.
    """
    import av

    try:
        match what:
            case "peaks.json":
                content = _peaks(source, PEAK_POINTS).json().encode()
            case "waveform.png":
                content = _waveform(source)
            case "spectrogram.png":
                content = _spectrogram(source)
    except av.FFmpegError as error:
        raise NoSound(f"{source.name} cannot be decoded: {error}") from error
    target.parent.mkdir(exist_ok=True)
    write_atomic(target, content)


def _blocks(source: Path, layout: str) -> Iterator[Samples]:
    """Yield the sound at 48 kHz in blocks [channels, n]."""
    import av

    with av.open(str(source), "r") as container:
        if not container.streams.audio:
            raise NoSound(f"{source.name} has no sound")
        resampler = av.AudioResampler("fltp", layout, RATE_HZ)
        for frame in container.decode(audio=0):
            frame.pts = None
            yield from (np.asarray(block.to_ndarray(), np.float32) for block in resampler.resample(frame))
        yield from (np.asarray(block.to_ndarray(), np.float32) for block in resampler.resample(None))


def _peaks(source: Path, points: int) -> Peaks:
    length = sum(block.shape[1] for block in _blocks(source, "mono"))
    if not length:
        raise NoSound(f"{source.name} has no samples")
    peaks = Peaks(RATE_HZ, points=points, length_samples=length)
    held: list[Samples] = []
    for block in _blocks(source, "stereo"):
        held.append(block)
        if len(held) == 64:  # a decoder's blocks are small, and each costs a call
            peaks.add(np.concatenate(held, axis=1))
            held = []
    if held:
        peaks.add(np.concatenate(held, axis=1))
    return peaks


def _waveform(source: Path) -> bytes:
    width, height = WAVEFORM_SIZE
    data = np.asarray(_peaks(source, width).data()["data"], float).reshape(-1, 2) / 128
    places = np.minimum(np.arange(width) * len(data) // width, len(data) - 1)
    middle = (height - 1) / 2
    top = np.round(middle - data[places, 1] * middle)
    bottom = np.round(middle - data[places, 0] * middle)
    rows = np.arange(height)[:, None]
    is_ink = (rows >= np.minimum(top, middle)) & (rows <= np.maximum(bottom, middle))
    picture = np.zeros((height, width, 4), np.uint8)
    picture[is_ink] = INK
    return _png(picture)


def _spectrogram(source: Path) -> bytes:
    width, height = SPECTROGRAM_SIZE
    length = sum(block.shape[1] for block in _blocks(source, "mono"))
    if not length:
        raise NoSound(f"{source.name} has no samples")
    levels = _columns(source, length, width)
    centres = np.geomspace(HIGHEST_HZ, LOWEST_HZ, height)
    bins = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    rows = np.stack([np.interp(centres, bins, column) for column in levels], axis=1)
    bright = np.clip(1 - (rows - rows.max()) / FLOOR_DB, 0, 1)
    places, *colours = zip(*SHADES, strict=True)
    picture = np.stack([np.interp(bright, places, colour) for colour in colours], axis=-1)
    return _png(np.round(picture).astype(np.uint8))


def _columns(source: Path, length: int, width: int) -> NDArray[np.float64]:
    """Return the level in dB of every frequency for each of `width` stretches: the mean of a few windows in it."""
    step = max(1.0, length / width / WINDOWS_PER_COLUMN)
    power = np.zeros((width, WINDOW // 2 + 1))
    counts = np.zeros(width)
    window = np.hanning(WINDOW)
    rest, start, number = np.zeros(WINDOW // 2, np.float32), -(WINDOW // 2), 0
    tail = np.zeros(WINDOW // 2 + 1, np.float32)
    for block in _with_tail(_blocks(source, "mono"), tail):
        rest = np.concatenate((rest, block))
        while (begin := round(number * step) - WINDOW // 2) + WINDOW <= start + len(rest) and number * step < length:
            if begin > start:
                rest, start = rest[begin - start :], begin
            column = min(width - 1, int(number * step * width / length))
            power[column] += np.abs(np.fft.rfft(rest[:WINDOW] * window)) ** 2
            counts[column] += 1
            number += 1
    filled = np.maximum.accumulate(np.where(counts > 0, np.arange(width), 0))  # a short sound has fewer stretches
    mean = power[filled] / np.maximum(counts[filled], 1)[:, None]
    return np.asarray(10 * np.log10(mean + 1e-12))


def _with_tail(blocks: Iterator[Samples], tail: Samples) -> Iterator[Samples]:
    for block in blocks:
        yield block[0]
    yield tail


def _png(picture: NDArray[np.uint8]) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
