"""The whole analysis of a clip."""

from __future__ import annotations

import math

import numpy as np

from .levels import SILENCE_RMS, Samples, Tick, dropouts, flat_tops, levels, over_full_scale, silence
from .meter import measure_loudness
from .report import Report
from .spectra import onset_count, spectra
from .tempo import tempo_of
from .tonality import find_key


def analyse(audio: Samples, sample_rate_hz: int, tick: Tick) -> Report:
    """Return the measurements of float [C, T] audio, which is not written to; `tick` is called every few ms of work.

    Raises:
        ValueError: neither one nor two channels.
    """
    channels, length = audio.shape
    if channels not in {1, 2}:
        raise ValueError(f"audio has {channels} channels; allowed are 1 and 2")
    audio, not_finite = _finite(np.asarray(audio, np.float32))
    seconds = length / sample_rate_hz
    measured = levels(audio, sample_rate_hz, tick)
    audible = measured.peak > SILENCE_RMS
    pause = silence(measured, seconds)
    holes = dropouts(measured.envelope)
    loudness = measure_loudness(audio, sample_rate_hz, tick)
    shape = spectra(measured.mono, sample_rate_hz, tick)
    bpm, bpm_confidence = tempo_of(shape.onsets, shape.swells, shape.frames_per_second) if audible else (None, 0.0)
    key, key_confidence, tuning = find_key(measured.mono, sample_rate_hz, tick) if audible else (None, 0.0, None)
    return Report(
        seconds=round(seconds, 6),
        channels=channels,
        sample_rate_hz=sample_rate_hz,
        mono=measured.is_mono,
        bpm=_round(bpm),
        bpm_half=_round(bpm and bpm / 2),
        bpm_double=_round(bpm and bpm * 2),
        bpm_confidence=round(bpm_confidence, 3),
        onsets_per_second=round(onset_count(shape.onsets, shape.frames_per_second) / seconds, 2) if audible else 0.0,
        key=key.name if key else None,
        key_relative=key.relative.name if key else None,
        key_confidence=round(key_confidence, 3),
        tuning_cents=_round(tuning, 1),
        loudness_lufs=loudness.integrated_lufs,
        loudness_short_term_max_lufs=loudness.short_term_max_lufs,
        loudness_curve_lufs=loudness.curve_lufs,
        loudness_curve_step_seconds=loudness.curve_step_seconds,
        loudness_range_lu=_round(loudness.range_lu),
        # The meter has three digits, so the samples give the peak of a quiet sound more precisely.
        true_peak_dbtp=_decibels(max(measured.peak, loudness.true_peak)),
        peak_dbfs=_decibels(measured.peak),
        rms_dbfs=_decibels(measured.rms),
        brightness_hz=_round(shape.brightness_hz if audible else None, 0),
        bandwidth_hz=_round(shape.bandwidth_hz if audible else None, 0),
        stereo_width=round(min(1.0, measured.width), 6),
        stereo_correlation=round(measured.correlation, 4),
        silence_seconds=round(pause.seconds, 3),
        silence_share=round(pause.seconds / seconds, 4) if seconds else 0.0,
        silence_lead_seconds=round(pause.lead_seconds, 3),
        silence_tail_seconds=round(pause.tail_seconds, 3),
        silence_longest_gap_seconds=round(pause.longest_gap_seconds, 3),
        clipped_samples=flat_tops(audio, tick),
        samples_over_full_scale=over_full_scale(audio, tick),
        dropouts=len(holes),
        dropout_seconds=round(sum(end - start for start, end in holes) * measured.block_seconds / 10, 3),
        dc_offset=round(measured.dc_offset, 6),
        samples_not_finite=not_finite,
    )


def _finite(audio: Samples) -> tuple[Samples, int]:
    broken = ~np.isfinite(audio)
    count = int(broken.sum())
    return (np.where(broken, np.float32(0), audio), count) if count else (audio, 0)


def _round(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def _decibels(level: float) -> float | None:
    return round(20 * math.log10(level), 2) if level > 0 else None
