"""The meter against the standard's own reference."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.music.loudness import PartMeter
from devserver.nodes.studio.meter import SILENCE_LUFS


def heard(sound: np.ndarray, block: int = 10_000) -> float:
    meter = PartMeter(sound.shape[1])
    for start in range(0, sound.shape[1], block):
        meter.add(sound[:, start : start + block].astype(np.float32))
    return meter.loudness_lufs()


@pytest.mark.parametrize(("hz", "expected"), [(997.0, -23.04), (60.0, -26.62), (8000.0, -19.69)])
def test_sines_are_weighed_as_the_standard_says(hz: float, expected: float) -> None:
    wave = 10 ** (-23 / 20) * np.sin(2 * np.pi * hz * np.arange(5 * 48_000) / 48_000)
    assert heard(np.stack([wave, wave])) == pytest.approx(expected, abs=0.05)


def test_pauses_do_not_count() -> None:
    wave = 0.1 * np.sin(2 * np.pi * 997 * np.arange(4 * 48_000) / 48_000)
    sound = np.stack([wave, wave])
    assert heard(np.pad(sound, ((0, 0), (0, 8 * 48_000)))) == pytest.approx(heard(sound), abs=0.1)
    assert heard(np.zeros((2, 48_000))) == SILENCE_LUFS


def test_what_falls_in_with_the_blocks_is_not_misheard() -> None:
    """Every second 0.4 s silent: a meter that heard every second block would hear all of it, or nothing."""
    wave = 0.1 * np.sin(2 * np.pi * 997 * np.arange(40 * 48_000) / 48_000)
    wave *= np.arange(len(wave)) // 19_200 % 2
    assert heard(np.stack([wave, wave])) == pytest.approx(-20.0, abs=1.5)  # silent blocks are gated away
    loud_and_quiet = np.where(np.arange(len(wave)) // 19_200 % 2, 1, 0.5)[np.newaxis] * np.ones((2, 1))
    tone = loud_and_quiet * 0.1 * np.sin(2 * np.pi * 997 * np.arange(40 * 48_000) / 48_000)
    assert heard(tone) == pytest.approx(-20.0 + 10 * np.log10(0.625), abs=0.6)


def test_less_than_a_block_is_heard_too() -> None:
    wave = 0.1 * np.sin(2 * np.pi * 997 * np.arange(9600) / 48_000)
    assert heard(np.stack([wave, wave])) == pytest.approx(-23.0, abs=0.2)
