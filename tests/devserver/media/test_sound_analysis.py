"""What is heard of a sound, in whatever blocks it comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.media.sound_analysis import SoundAnalyser, SoundAnalysis

RATE_HZ = 1000
STREAM: Any = SimpleNamespace(rate=RATE_HZ)
Samples = NDArray[np.float32]


def tone(seconds: float, level: float = 0.5) -> Samples:
    return (level * np.sin(2 * np.pi * 10 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def heard(*channels: Samples, block: int = 10_000) -> SoundAnalysis:
    ear, sound = SoundAnalyser(), np.stack(channels)
    for start in range(0, sound.shape[1], block):
        ear.add(STREAM, sound[:, start : start + block])
    return ear.result()


@pytest.mark.parametrize("block", [17, 1000, 5000])
def test_the_size_of_the_blocks_changes_nothing(block: int) -> None:
    left, right = np.concatenate([tone(2), 0 * tone(1)]), np.concatenate([tone(2, 0.9), 0 * tone(1)])
    whole, parts = heard(left, right), heard(left, right, block=block)
    assert parts.silent_share == pytest.approx(whole.silent_share, abs=0.05)
    assert parts.correlation == pytest.approx(whole.correlation)
    assert parts.dc_offset == pytest.approx(whole.dc_offset, abs=1e-6)


def test_a_side_without_sound_is_named_and_has_no_correlation() -> None:
    assert (heard(tone(2), 0 * tone(2)).one_sided, heard(0 * tone(2), tone(2)).one_sided) == ("left", "right")
    assert heard(tone(2), 0 * tone(2)).correlation is None
    assert (heard(0 * tone(2), 0 * tone(2)).one_sided, heard(0 * tone(2), 0 * tone(2)).correlation) == ("", None)


@pytest.mark.parametrize(("factor", "correlation"), [(1, 1.0), (-1, -1.0), (0.2, 1.0)])
def test_left_and_right_go_together_or_against_each_other(factor: float, correlation: float) -> None:
    assert heard(tone(2), tone(2) * np.float32(factor)).correlation == pytest.approx(correlation)


def test_one_channel_has_no_sides() -> None:
    found = heard(tone(2))
    assert (found.correlation, found.one_sided, found.mixed_peak) == (None, "", None)


def test_a_tenth_of_a_second_below_80_db_is_silence_and_a_louder_sample_ends_it() -> None:
    quiet = np.zeros(2000, np.float32)
    assert heard(quiet).silent_share == 1
    quiet[150] = 2e-4
    assert heard(quiet).silent_share == pytest.approx(0.95)
    quiet[150] = 0.9e-4
    assert heard(quiet).silent_share == 1


@pytest.mark.parametrize(("row", "share"), [(4, 0), (5, 0.005), (8, 0.008)])
def test_a_row_at_full_scale_is_clipped_from_five_samples_on(row: int, share: float) -> None:
    sound = tone(1)
    sound[100 : 100 + row] = 1.0
    assert heard(sound).clipped_share == pytest.approx(share)


def test_a_sound_beside_the_middle_is_told_by_its_worst_channel() -> None:
    assert heard(tone(2), tone(2) + np.float32(0.1)).dc_offset == pytest.approx(0.1, abs=1e-4)
    assert heard(tone(2) - np.float32(0.2), tone(2)).dc_offset == pytest.approx(0.2, abs=1e-4)


def test_where_one_channel_sounds_there_is_no_silence() -> None:
    assert heard(0 * tone(2), tone(2)).silent_share == 0
