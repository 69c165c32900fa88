"""What an analysis says of loudness is what FFmpeg's meter reads."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.measure.meter import measure_loudness
from tests.nodes.studio.reference import ebur128, sounds


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1)])
def test_it_reads_what_ffmpeg_reads(rate: int, channels: int) -> None:
    ticks: list[None] = []
    for name, sound in sounds(7.3, rate, channels).items():
        ticks.clear()
        ours, theirs = measure_loudness(sound, rate, lambda: ticks.append(None)), ebur128(sound, rate)
        assert len(ticks) == 15
        if theirs.loudness_lufs < 10:  # it reads no more than that
            assert ours.integrated_lufs == pytest.approx(theirs.loudness_lufs, abs=0.02), name
        assert ours.range_lu == pytest.approx(theirs.range_lu, abs=0.3), name
        assert (len(ours.curve_lufs), ours.curve_step_seconds) == (14, 0.5)
        assert ours.curve_lufs[:5] == (None,) * 5, "nothing before the third second"
        # Its first 3 s are complete a moment after ours, and it names what it has by the end of a tenth.
        for seconds in (3.5, 4.0, 5.5, 7.0):
            read = theirs.short_term_lufs[round(seconds * 10) - 1]
            assert ours.curve_lufs[round(seconds * 2) - 1] == pytest.approx(read, abs=0.05), (name, seconds)


def test_what_is_silent_or_too_short_has_no_loudness() -> None:
    for sound in (np.zeros((2, 0), np.float32), np.zeros((2, 240_000), np.float32), sounds(0.3, 48_000, 2)["noise"]):
        found = measure_loudness(sound, 48_000, lambda: None)
        assert (found.integrated_lufs, found.short_term_max_lufs, found.range_lu) == (None, None, None)


@pytest.mark.parametrize("rate", [100, 1_000, 8_000])
def test_low_sample_rates_are_measured_too(rate: int) -> None:
    sound = sounds(5.0, rate, 2)["noise"]
    assert measure_loudness(sound, rate, lambda: None).integrated_lufs is not None
