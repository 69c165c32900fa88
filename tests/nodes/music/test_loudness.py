"""The meter against the standard's own reference, and the limiter against its promise."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.music.loudness import LIMITER_STEP, SILENCE_LUFS, limiter_gain, loudness_lufs


def nothing() -> None: ...


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize(("hz", "expected"), [(997.0, -23.04), (60.0, -26.62), (8000.0, -19.69)])
def test_sines_are_weighed_as_the_standard_says(rate: int, hz: float, expected: float) -> None:
    wave = 10 ** (-23 / 20) * np.sin(2 * np.pi * hz * np.arange(5 * rate) / rate)
    assert loudness_lufs(np.stack([wave, wave]), rate, nothing) == pytest.approx(expected, abs=0.05)


def test_pauses_do_not_count() -> None:
    wave = 0.1 * np.sin(2 * np.pi * 997 * np.arange(4 * 48_000) / 48_000)
    alone = loudness_lufs(wave[np.newaxis], 48_000, nothing)
    with_pause = np.concatenate([wave, np.zeros(8 * 48_000)])
    assert loudness_lufs(with_pause[np.newaxis], 48_000, nothing) == pytest.approx(alone, abs=0.1)
    assert loudness_lufs(np.zeros((2, 48_000)), 48_000, nothing) == SILENCE_LUFS


def test_nothing_passes_the_ceiling_and_what_is_quiet_stays_as_it_is() -> None:
    rng = np.random.default_rng(3)
    sound = 0.1 * rng.standard_normal((2, 96_000))
    sound[:, 30_000:30_050] *= 40
    curve = limiter_gain(sound, 1.5, 0.8, 48_000, nothing)
    gain = np.interp(np.arange(96_000), np.arange(len(curve)) * LIMITER_STEP, curve)
    assert np.abs(sound * gain).max() <= 0.8 + 1e-9
    assert gain[:28_000] == pytest.approx(1.5)
    assert gain[30_025] < 0.4
    assert gain[-1] == pytest.approx(1.5, abs=0.01)
