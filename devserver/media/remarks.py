"""What is doubtful about a sound that somebody sent, in words for musicians."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from devserver.media.intake import SILENT_BELOW_DBFS

SHORT_SECONDS: Final = 1.0
CLIPPED_SHARE, CLIPPED_SHARE_OF_FLOAT = 0.0002, 0.001  # a codec with losses overshoots where nothing was clipped
OVER_DB: Final = 1.0
SILENT_SHARE: Final = 0.5
OPPOSITE: Final = -0.9
DC_OFFSET: Final = 0.02
NARROW_HZ: Final = 16_000
LOWEST_DB: Final = -120.0


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remark(Frozen):
    """Something doubtful about a file; the message speaks of it as "it"."""

    code: str
    message: str


def remarks(sound: dict[str, Any]) -> Iterator[Remark]:
    """Whatever is doubtful about a sound with these facts."""
    if is_silent(sound):
        message = f"It is silent: its loudest sample is at {sound['peak_dbfs']:.1f} dBFS."
        yield Remark(code="silent", message=message)
        return
    if sound["seconds"] < SHORT_SECONDS:
        yield Remark(code="very_short", message=f"It is only {sound['seconds']:.2f} seconds long.")
    yield from _about_levels(sound)
    yield from _about_sides(sound)
    if sound["silent_share"] > SILENT_SHARE:
        message = f"{sound['silent_share']:.0%} of its time is silence; is something missing?"
        yield Remark(code="mostly_silent", message=message)
    if (rate := sound["sample_rate_hz"]) < NARROW_HZ:
        yield Remark(code="low_rate", message=f"Its sample rate is {rate} Hz: it has nothing above {rate // 2} Hz.")
    if sound["streams"] > 1:
        yield Remark(code="several_sounds", message=f"It has {sound['streams']} sound tracks; the first is used.")


def is_silent(sound: dict[str, Any]) -> bool:
    """Whether nothing can be heard of a sound, or of its stereo mix."""
    peaks = (sound["peak_dbfs"], sound["stereo_peak_dbfs"])
    return any(peak is not None and peak < SILENT_BELOW_DBFS for peak in peaks)


def decibels(level: float) -> float:
    return 20 * math.log10(level) if level > 0 else LOWEST_DB


def _about_levels(sound: dict[str, Any]) -> Iterator[Remark]:
    clipped, peak = sound["clipped_share"], sound["peak_dbfs"]
    if peak > OVER_DB and sound["codec"].startswith("pcm_f"):  # nothing is lost in such a file
        message = f"It goes {peak:.1f} dB over full scale. Export it softer where it shall not be limited."
        yield Remark(code="over_full_scale", message=message)
    elif clipped > (CLIPPED_SHARE_OF_FLOAT if sound["float_samples"] else CLIPPED_SHARE):
        message = f"It is clipped: {clipped:.2%} of its samples stand at full scale. Record or export it softer."
        yield Remark(code="clipped", message=message)
    if (offset := sound["dc_offset"]) > DC_OFFSET:
        message = f"It stands off the middle by {offset:.1%} of full scale (DC offset). A low cut removes that."
        yield Remark(code="dc_offset", message=message)


def _about_sides(sound: dict[str, Any]) -> Iterator[Remark]:
    if sound["correlation"] is not None and sound["correlation"] < OPPOSITE:
        message = (
            "Left and right cancel each other, so that in mono almost nothing is left: turn the polarity of one"
            " channel around."
        )
        yield Remark(code="phase_inverted", message=message)
    if sound["one_sided"]:
        yield Remark(code="one_sided", message=f"It sounds on the {sound['one_sided']} only; the other side is empty.")
