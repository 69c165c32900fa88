"""Our meter reads what FFmpeg's reads."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.studio.meter import SILENCE_DBTP, SILENCE_LUFS, Levels, Meter

from .reference import Sound, ebur128, sounds, tone


def read(sound: Sound, rate: int, block: int = 10_007) -> Levels:
    meter = Meter(rate)
    for start in range(0, sound.shape[1], block):
        meter.add(sound[:, start : start + block])
    return meter.levels()


@pytest.mark.parametrize(("rate", "peak_tolerance_db"), [(48_000, 0.03), (44_100, 0.3)])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_reads_what_ffmpeg_reads(rate: int, channels: int, peak_tolerance_db: float) -> None:
    for name, sound in sounds(7.3, rate, channels).items():
        ours, theirs = read(sound, rate), ebur128(sound, rate)
        assert ours.loudness_lufs == pytest.approx(theirs.loudness_lufs, abs=0.02) or theirs.loudness_lufs == 10, name
        if name != "very quiet":  # it tells peaks to three places only
            away = ours.true_peak_dbtp - theirs.true_peak_dbtp
            # A tone begins within its wave. What the silence before it makes of that is a peak to us, not to FFmpeg.
            assert -0.05 < away < (0.7 if "tone" in name else peak_tolerance_db), name
        assert ours.range_lu == pytest.approx(theirs.range_lu, abs=0.3), name


def test_a_peak_between_the_samples_is_found() -> None:
    sound = tone(12_000, 1, 48_000, amplitude=0.5) * np.hanning(48_000).astype(np.float32)
    assert np.abs(sound).max() == pytest.approx(0.5 * np.sqrt(0.5), abs=1e-3)
    assert read(sound, 48_000).true_peak_dbtp == pytest.approx(-6.02, abs=0.02)


def test_the_size_of_the_blocks_makes_no_difference() -> None:
    sound = sounds(3.0, 48_000, 2)["drums"]
    assert read(sound, 48_000, 1000) == read(sound, 48_000, 144_000) == read(sound, 48_000, 28_672)


def test_silence_and_the_shortest_sounds_have_no_loudness() -> None:
    assert read(np.zeros((2, 48_000), np.float32), 48_000) == Levels(SILENCE_LUFS, SILENCE_DBTP, 0.0)
    assert read(tone(997, 0.3, 48_000), 48_000).loudness_lufs == SILENCE_LUFS
    assert Meter(48_000).levels() == Levels(SILENCE_LUFS, SILENCE_DBTP, 0.0)
