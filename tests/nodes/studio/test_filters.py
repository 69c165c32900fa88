"""The equaliser does to tones what its curve says, and nothing before a sound begins."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.studio.filters import Band, equalise, gain_db

from .reference import noise, tone


def nothing() -> None: ...


@pytest.mark.parametrize(
    ("band", "hz", "expected_db"),
    [
        (Band("low_cut", 100), 100, -3),
        (Band("low_cut", 100), 25, -24),
        (Band("high_cut", 5000), 10_000, -12.3),
        (Band("low_shelf", 200, 6), 30, 5.8),
        (Band("low_shelf", 200, 6), 4000, 0),
        (Band("high_shelf", 8000, -4), 100, 0),
        (Band("bell", 1000, 5, 2), 1000, 5),
        (Band("bell", 1000, -5, 2), 1000, -5),
        (Band("bell", 1000, 5, 2), 100, 0.1),
        (Band("tilt", db=0.5), 4000, 1),
        (Band("tilt", db=0.5), 250, -1),
    ],
)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_tone_comes_out_as_the_curve_says(band: Band, hz: float, expected_db: float, rate: int) -> None:
    assert gain_db([band], np.array([hz]))[0] == pytest.approx(expected_db, abs=0.2)
    sound = tone(hz, 2, rate)
    out = equalise(sound, [band], rate, nothing)
    settled = slice(rate // 2, None)
    heard_db = 20 * np.log10(out[0, settled].std() / sound[0, settled].std())
    assert heard_db == pytest.approx(expected_db, abs=0.25)


def test_bands_add_up_and_the_length_stays() -> None:
    sound = noise(0.1, 1.2345, 48_000)
    low, high = Band("low_shelf", 100, 3), Band("high_shelf", 9000, -3)
    one_by_one = equalise(equalise(sound, [low], 48_000, nothing), [high], 48_000, nothing)
    together = equalise(sound, [low, high], 48_000, nothing)
    assert together.shape == sound.shape
    assert np.abs(together - one_by_one).max() < 1e-3
    assert equalise(sound, [], 48_000, nothing) is sound


def test_nothing_rings_before_a_sound_begins() -> None:
    sound = np.zeros((1, 30_000), np.float32)
    sound[0, 20_000] = 1
    out = equalise(sound, [Band("low_cut", 30), Band("bell", 3000, 6), Band("tilt", db=0.4)], 48_000, nothing)
    assert np.abs(out[0, :20_000]).max() < 1e-5
    assert np.abs(out[0]).argmax() == 20_000
