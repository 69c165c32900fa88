"""The report of an analysis: one flat object, with units in its names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Report(BaseModel):
    """Measurements of one clip from its samples alone. None where it is silent or too short to tell."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seconds: float
    channels: int
    sample_rate_hz: int
    mono: bool = Field(description="one channel, or channels that do not differ")

    bpm: float | None = Field(description="60 to 200; known up to a factor of two, see bpm_half and bpm_double")
    bpm_half: float | None
    bpm_double: float | None
    bpm_confidence: Share = Field(description="how well the sound repeats after four beats")
    onsets_per_second: float
    key: str | None = Field(description='as "A minor"; often confused with its relative')
    key_relative: str | None
    key_confidence: Share = Field(description="lead over the best key that has other notes")
    tuning_cents: float | None = Field(description="how far the notes lie from A = 440 Hz, -50 to 50")

    loudness_lufs: float | None = Field(description="integrated, ITU-R BS.1770; needs 0.4 s")
    loudness_short_term_max_lufs: float | None = Field(description="loudest 3 s")
    loudness_curve_lufs: tuple[float | None, ...] = Field(
        description="of the 3 s that end at each step; None below -70"
    )
    loudness_curve_step_seconds: float = Field(description="the first value is one step from the start")
    loudness_range_lu: float | None = Field(description="LRA, EBU Tech 3342; needs 3 s")
    true_peak_dbtp: float | None
    peak_dbfs: float | None
    rms_dbfs: float | None

    brightness_hz: float | None = Field(description="mean spectral centroid")
    bandwidth_hz: float | None = Field(description="where the spectrum ends")
    stereo_width: Share = Field(description="the difference's share of the power: 0 is mono, 0.5 unrelated, 1 opposed")
    stereo_correlation: Annotated[float, Field(ge=-1, le=1)]

    silence_seconds: float = Field(description="below -60 dBFS RMS, over all channels")
    silence_share: Share
    silence_lead_seconds: float
    silence_tail_seconds: float
    silence_longest_gap_seconds: float = Field(description="neither at the start nor at the end")
    clipped_samples: int = Field(description="in flat tops, at full scale or turned down after")
    samples_over_full_scale: int
    dropouts: int = Field(description="holes of 3 ms to 1 s with a hard start and a hard end")
    dropout_seconds: float
    dc_offset: float = Field(description="of the worst channel; full scale is 1")
    samples_not_finite: int = Field(description="NaN or infinite; counted as silence by all others")
