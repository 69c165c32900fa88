"""The sound of a file, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from .meter import Levels, Meter, Samples

# Not planar: PyAV reads beyond the planes of a frame of eight channels or more, which ends the process.
PACKED: Final = "flt"


def channels_of(frame: Any) -> Samples:
    """Return the samples of a frame in the form `PACKED`, as float32 [C, n]."""
    return np.asarray(frame.to_ndarray(), np.float32).reshape(-1, frame.layout.nb_channels).T


def decode_blocks(path: Path) -> Iterator[tuple[Samples, int]]:
    """Yield each block as float32 [C, n], and its rate in Hz.

    Raises:
        ValueError: the file holds no sound.
    """
    import av

    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"{path.name} holds no sound")
        stream = container.streams.audio[0]
        packed = av.AudioResampler(format=PACKED)
        for frame in container.decode(stream):
            for part in packed.resample(frame):
                yield channels_of(part), stream.rate
        for part in packed.resample(None):
            yield channels_of(part), stream.rate


def measure_file(path: Path, tick: Callable[[], None]) -> Levels:
    """Return the levels of a decoded file; `tick` is called all the time. Raises as `decode_blocks`."""
    meter: Meter | None = None
    for block, rate in decode_blocks(path):
        meter = meter or Meter(rate)
        meter.add(block)
        tick()
    if meter is None:
        raise ValueError(f"{path.name} holds no sound that can be decoded")
    return meter.levels()
