"""Faults put into sound are found, and only they."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.music.analysis import analyse

RATE = 44_100


def tone(seconds: float = 3.0, hz: float = 440.0, level: float = 0.5) -> NDArray[np.float32]:
    wave = level * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def measured(sound: NDArray[np.float32]) -> dict[str, Any]:
    return analyse(sound, RATE, lambda: None).to_json()


def test_a_clean_tone() -> None:
    report = measured(tone(level=0.5))
    assert report["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert report["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)
    assert report["clipped_samples"] == 0
    assert report["silence_seconds"] == 0
    assert report["dc_offset"] < 1e-4
    assert (report["seconds"], report["channels"], report["sample_rate_hz"]) == (3.0, 2, RATE)


def test_clipping_is_found_also_when_turned_down_later() -> None:
    clipped = np.clip(tone(level=1.5), -1, 1)
    assert measured(clipped)["clipped_samples"] > 50_000
    assert measured(clipped * np.float32(0.7))["clipped_samples"] > 50_000


def test_silence_dc_and_a_gap() -> None:
    gap = tone()
    gap[:, RATE : 2 * RATE] = 0
    assert measured(gap)["silence_seconds"] == pytest.approx(1.0, abs=0.03)
    assert measured(tone() + np.float32(0.05))["dc_offset"] == pytest.approx(0.05, abs=1e-3)
    nothing = measured(np.zeros((1, RATE), np.float32))
    assert nothing["bpm"] is nothing["key"] is nothing["peak_dbfs"] is None
    assert nothing["silence_seconds"] == 1.0


def test_an_empty_clip_is_no_error() -> None:
    assert measured(np.zeros((2, 0), np.float32))["seconds"] == 0


@pytest.mark.parametrize("bpm", [90.0, 120.5, 143.0])
def test_clicks_at_a_known_tempo(bpm: float) -> None:
    clicks = np.zeros((1, 20 * RATE), np.float32)
    for beat in np.arange(0, 19.5, 60 / bpm):
        start = round(beat * RATE)
        clicks[0, start : start + 400] = np.random.default_rng(1).standard_normal(400) * np.linspace(0.5, 0, 400)
    report = measured(clicks)
    assert min(abs(report[name] / bpm - 1) for name in ("bpm", "bpm_half", "bpm_double")) < 0.005


def test_the_key_of_a_cadence() -> None:
    chords = [(57, 60, 64), (62, 65, 69), (64, 68, 71), (57, 60, 64)]
    parts = [sum(tone(1.0, 440 * 2 ** ((pitch - 69) / 12), 0.2) for pitch in notes) for notes in chords]
    assert measured(np.concatenate([np.asarray(part, np.float32) for part in parts], axis=1))["key"] == "A minor"
