"""Mix a sound of many channels down to stereo.

The coefficients are those of Recommendation ITU-R BS.775, annex 4, for 2/0 from 3/2: a front channel goes to its side
unchanged, the centre to both sides with 0.7071 (-3 dB), a surround channel to its side with 0.7071, and the LFE channel
nowhere. A single surround channel goes to both sides with 0.5, its 0.7071 shared out at equal power.
Levels stay as they are, unless the sum would clip: then the whole is lowered until its highest sample fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from devserver.media.opening import open_media
from devserver.nodes.studio.decode import PACKED, channels_of

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

Samples = NDArray[np.float32]

HALF_POWER: Final = math.sqrt(0.5)
# The gains of each channel, by FFmpeg's name, to the left and to the right.
SHARES: Final[dict[str, tuple[float, float]]] = {
    **dict.fromkeys(("FL", "DL", "FLC", "WL"), (1.0, 0.0)),
    **dict.fromkeys(("FR", "DR", "FRC", "WR"), (0.0, 1.0)),
    "FC": (HALF_POWER, HALF_POWER),
    **dict.fromkeys(("BL", "SL", "TFL", "TBL", "TSL", "SSL"), (HALF_POWER, 0.0)),
    **dict.fromkeys(("BR", "SR", "TFR", "TBR", "TSR", "SSR"), (0.0, HALF_POWER)),
    **dict.fromkeys(("BC", "TC", "TFC", "TBC"), (0.5, 0.5)),
    **dict.fromkeys(("LFE", "LFE2"), (0.0, 0.0)),
}
# The usual order for files that do not name their channels.
USUAL: Final = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
FULL: Final = 1 - 2.0**-15


def mix_matrix(channels: Sequence[str]) -> Samples:
    """Return the matrix [2, channels] for channels of these names; unknown ones go to both sides at equal power."""
    names = channels if all(name in SHARES for name in channels) else USUAL.get(len(channels), ())
    each = math.sqrt(1 / len(channels))
    rows = [SHARES[name] for name in names] or [(each, each)] * len(channels)
    return np.asarray(rows, np.float32).T


def channel_names(stream: AudioStream) -> list[str]:
    """Return the names of a stream's channels, as FFmpeg has them."""
    return [channel.name for channel in stream.layout.channels]


def mix_down(source: Path, target: Path, gain: float) -> None:
    """Write the first sound of a file as stereo FLAC of 24 bits.

    Args:
        source: a file with a sound.
        target: the new file.
        gain: by which the whole is lowered, at most 1.
    """
    import av

    with open_media(source) as container, av.open(str(target), "w", format="flac") as written:
        stream = container.streams.audio[0]
        matrix = mix_matrix(channel_names(stream)) * gain
        flac = written.add_stream("flac", rate=stream.rate, layout="stereo")
        flac.format = "s32"
        packed = av.AudioResampler(format=PACKED)
        position = 0
        for frame in container.decode(stream):
            for block in packed.resample(frame):
                whole = np.clip(matrix @ channels_of(block), -1.0, FULL)
                steps = np.round(whole.astype(np.float64) * 2**23).astype(np.int32) << 8
                mixed = av.AudioFrame.from_ndarray(steps.T.reshape(1, -1).copy(), format="s32", layout="stereo")
                mixed.sample_rate, mixed.pts = stream.rate, position
                position += block.samples
                written.mux(flac.encode(mixed))
        written.mux(flac.encode(None))
