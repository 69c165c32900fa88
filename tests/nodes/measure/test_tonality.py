"""The key of chords that leave no doubt, in every key, also where the instruments are out of tune."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.measure.tonality import find_key
from devserver.nodes.music.theory import KEY_NAMES, Key, chord

RATE = 22_050
Sound = NDArray[np.float32]


def played(key: Key, symbols: str, cents: float = 0.0, noise: float = 0.0) -> Sound:
    """One second of each chord, with four harmonics, and its root below."""
    at = np.arange(RATE) / RATE
    bars = []
    for symbol in symbols.split():
        harmony = chord(key, symbol)
        pitches = [48 + harmony.root, *(60 + pitch for pitch in harmony.pitch_classes)]
        tones = [440 * 2 ** ((pitch - 69 + cents / 100) / 12) for pitch in pitches]
        bars.append(sum(np.sin(2 * np.pi * hz * n * at) / n**1.5 for hz in tones for n in range(1, 5)))
    sound = 0.1 * np.concatenate(bars)
    return (sound + noise * np.random.default_rng(1).standard_normal(len(sound))).astype(np.float32)


def heard(sound: Sound) -> tuple[Key | None, float, float | None]:
    return find_key(sound, RATE, lambda: None)


@pytest.mark.parametrize("name", KEY_NAMES)
def test_the_key_of_a_cadence(name: str) -> None:
    key = Key.named(name)
    found, confidence, _ = heard(played(key, "I vi IV V7 I" if key.mode == "major" else "i VI iv V7 i"))
    assert found == key
    assert confidence > 0.3


@pytest.mark.parametrize("cents", [-40, -15, 0, 35])
def test_the_tuning_is_told_and_does_no_harm(cents: float) -> None:
    found, _, tuning = heard(played(Key.named("E minor"), "i iv VI V i", cents))
    assert found == Key.named("E minor")
    assert tuning == pytest.approx(cents, abs=4)


def test_a_drum_beside_the_chords_does_no_harm() -> None:
    assert heard(played(Key.named("D major"), "I IV V I", noise=0.05))[0] == Key.named("D major")


def test_what_has_no_tones_has_no_key() -> None:
    assert heard(np.zeros(RATE, np.float32)) == (None, 0.0, None)
    noise = np.random.default_rng(2).standard_normal(RATE * 10).astype(np.float32)
    assert heard(noise * np.float32(0.1))[1] < 0.5
