"""Remarks about doubtful properties of a sound that a user sent, in words for musicians."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NotRequired

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from devserver.media.intake import SILENT_BELOW_DBFS

SHORT_SECONDS: Final = 1.0
CLIPPED_SHARE, CLIPPED_SHARE_OF_FLOAT = 0.0002, 0.001  # a lossy codec overshoots although nothing was clipped
OVER_DB: Final = 1.0
SILENT_SHARE: Final = 0.5
OPPOSITE: Final = -0.9
DC_OFFSET: Final = 0.02
NARROW_HZ: Final = 16_000
LOWEST_DB: Final = -120.0


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remark(Frozen):
    """A remark about a file; the message calls it "it"."""

    code: str
    message: str


class SoundFacts(TypedDict):
    """The facts of a sound that a user sent.

    Attributes:
        layout: the channels, as FFmpeg names them together.
        streams: how many sounds the file has; the first is looked at.
        clipped_share: the part of all samples that stand in a row at full scale.
        silent_share: the part of the time in which nothing is heard.
        dc_offset: the largest mean of a channel, as a part of full scale.
        correlation: of left and right, -1 to 1; None where there is one channel, or one side has no sound.
        one_sided: `left` or `right` where the other side has no sound, else ''.
        stereo_peak_dbfs: of the stereo mix; None of mono and stereo.
        float_samples: whether it can go over full scale.
    """

    codec: str | None
    seconds: float
    sample_rate_hz: int
    channels: int | None
    layout: str
    streams: int
    peak_dbfs: float
    clipped_share: float
    silent_share: float
    dc_offset: float
    correlation: float | None
    one_sided: str
    stereo_peak_dbfs: float | None
    float_samples: bool


class PictureFacts(TypedDict):
    """The facts of a picture, or of the picture of a film; `width` and `height` are in pixels."""

    codec: str | None
    width: int | None
    height: int | None
    fps: NotRequired[float | None]
    streams: NotRequired[int]


class FileFacts(TypedDict, total=False):
    """The facts of a file; None if it has no sound, or no picture."""

    sound: SoundFacts | None
    picture: PictureFacts | None


def find_remarks(sound: SoundFacts) -> Iterator[Remark]:
    """Yield the remarks about a sound with these facts."""
    if is_silent(sound):
        message = f"It is silent: its loudest sample is at {sound['peak_dbfs']:.1f} dBFS."
        yield Remark(code="silent", message=message)
        return
    if sound["seconds"] < SHORT_SECONDS:
        yield Remark(code="very_short", message=f"It is only {sound['seconds']:.2f} seconds long.")
    yield from _remark_on_levels(sound)
    yield from _remark_on_sides(sound)
    if sound["silent_share"] > SILENT_SHARE:
        message = f"{sound['silent_share']:.0%} of its time is silence; is something missing?"
        yield Remark(code="mostly_silent", message=message)
    if (rate := sound["sample_rate_hz"]) < NARROW_HZ:
        yield Remark(code="low_rate", message=f"Its sample rate is {rate} Hz: it has nothing above {rate // 2} Hz.")
    if sound["streams"] > 1:
        yield Remark(code="several_sounds", message=f"It has {sound['streams']} sound tracks; the first is used.")


def is_silent(sound: SoundFacts) -> bool:
    """Tell whether a sound, or its stereo mix, is silent."""
    peaks = (sound["peak_dbfs"], sound["stereo_peak_dbfs"])
    return any(peak is not None and peak < SILENT_BELOW_DBFS for peak in peaks)


def decibels(level: float) -> float:
    return 20 * math.log10(level) if level > 0 else LOWEST_DB


def _remark_on_levels(sound: SoundFacts) -> Iterator[Remark]:
    clipped, peak = sound["clipped_share"], sound["peak_dbfs"]
    if peak > OVER_DB and (sound["codec"] or "").startswith("pcm_f"):  # nothing is lost in such a file
        message = f"It goes {peak:.1f} dB over full scale. Export it at a lower level to avoid limiting."
        yield Remark(code="over_full_scale", message=message)
    elif clipped > (CLIPPED_SHARE_OF_FLOAT if sound["float_samples"] else CLIPPED_SHARE):
        message = f"It is clipped: {clipped:.2%} of its samples stand at full scale. Record or export it softer."
        yield Remark(code="clipped", message=message)
    if (offset := sound["dc_offset"]) > DC_OFFSET:
        message = f"It has a DC offset of {offset:.1%} of full scale. A low cut removes it."
        yield Remark(code="dc_offset", message=message)


def _remark_on_sides(sound: SoundFacts) -> Iterator[Remark]:
    if sound["correlation"] is not None and sound["correlation"] < OPPOSITE:
        message = (
            "Left and right cancel each other, so that almost nothing is left in mono: invert the polarity of one"
            " channel."
        )
        yield Remark(code="phase_inverted", message=message)
    if sound["one_sided"]:
        yield Remark(
            code="one_sided", message=f"It only has sound on the {sound['one_sided']}; the other side is silent."
        )
