"""A song as the finished file that a user gets."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from devserver.nodes.music.dsp import SAMPLE_RATE_HZ
from devserver.nodes.music.mix import mixdown
from devserver.nodes.music.song import Song


def finished(song: Song, folder: Path) -> Path:
    """The mix in a FLAC file of 24 bit in the folder."""
    mix = mixdown(song, lambda: None, lambda _: None).mix
    path = folder / "piece.flac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="stereo", format="s32")
        whole = np.ascontiguousarray((mix.T.astype(np.float64) * (2**31 - 1)).astype(np.int32).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(whole, format="s32", layout="stereo")
        frame.sample_rate = SAMPLE_RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path
