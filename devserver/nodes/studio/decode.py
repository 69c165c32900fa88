"""The sound of a file, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .meter import Levels, Meter, Samples


def decoded_blocks(path: Path) -> Iterator[tuple[Samples, int]]:
    """Each block as float32 [C, n], and its rate in Hz.

    Raises:
        ValueError: the file holds no sound.
    """
    import av

    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"{path.name} holds no sound")
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp")
        for frame in container.decode(stream):
            for part in planar.resample(frame):
                yield np.asarray(part.to_ndarray(), np.float32), stream.rate
        for part in planar.resample(None):
            yield np.asarray(part.to_ndarray(), np.float32), stream.rate


def decoded_levels(path: Path, tick: Callable[[], None]) -> Levels:
    """What a meter shows of a file once it is decoded; `tick` is called all the time. Raises as `decoded_blocks`."""
    meter: Meter | None = None
    for block, rate in decoded_blocks(path):
        meter = meter or Meter(rate)
        meter.hear(block)
        tick()
    if meter is None:
        raise ValueError(f"{path.name} holds no sound that can be decoded")
    return meter.levels()
