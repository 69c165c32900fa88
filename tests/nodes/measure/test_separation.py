"""The layers of a preview add up to the mix, and each holds more of what it is named for than the mix does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.measure import separation
from devserver.nodes.measure.separation import layers

RATE = 44_100
Sound = NDArray[np.float32]


def nobody(_done: int, _total: int) -> None:
    return


def struck(seconds: float = 4.0) -> Sound:
    at = np.arange(int(seconds * RATE)) / RATE
    hits = np.random.default_rng(2).standard_normal((2, len(at))) * 0.3 * np.exp(-(at % 0.5) / 0.02)
    return hits.astype(np.float32)


def held(hz: float, seconds: float = 4.0) -> Sound:
    wave = 0.2 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def distortion_db(wanted: Sound, got: Sound) -> float:
    """How far what is wanted stands above what is not."""
    return float(10 * np.log10((wanted**2).sum() / ((wanted - got) ** 2).sum()))


def test_hits_a_low_tone_and_a_high_tone_come_apart() -> None:
    parts = struck(), held(70), held(1234)
    mix: Sound = parts[0] + parts[1] + parts[2]
    found = layers(mix, RATE, nobody)
    for wanted, got in zip(parts, found, strict=True):
        assert distortion_db(wanted, got) > distortion_db(wanted, mix) + 6
        assert distortion_db(wanted, got) > 6


@pytest.mark.parametrize("length", [0, 1, 500, 4097, 100_003])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_layers_add_up_at_any_length(length: int, channels: int) -> None:
    sound = np.random.default_rng(4).uniform(-1, 1, (channels, length)).astype(np.float32)
    found = layers(sound, RATE, nobody)
    assert [layer.shape for layer in found] == [sound.shape] * 3
    assert np.abs(np.sum(found, axis=0) - sound).max(initial=0) < 1e-5


def test_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = struck() + held(300)
    at_once = layers(mix, RATE, nobody)
    monkeypatch.setattr(separation, "FRAMES_AT_ONCE", 16)
    for whole, pieced in zip(at_once, layers(mix, RATE, nobody), strict=True):
        assert np.abs(whole - pieced).max() < 1e-5


def test_the_median_of_nine() -> None:
    values = np.random.default_rng(6).standard_normal((9, 5000)).astype(np.float32)
    assert np.array_equal(separation._median(list(values)), np.median(values, axis=0))
