"""The outline of a waveform: what a player draws is what is there, however the sound came in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from devserver.nodes.measure.peaks import Peaks

RATE = 48_000
NOISE = np.random.default_rng(3).uniform(-0.9, 0.9, (2, 30_011)).astype(np.float32)


def expected(sound: np.ndarray, stretch: int, scale: int) -> list[int]:
    values: list[int] = []
    for start in range(0, sound.shape[1], stretch):
        part = sound[:, start : start + stretch]
        values += [round(float(part.min()) * scale), round(float(part.max()) * scale)]
    return values


@pytest.mark.parametrize("block", [30_011, 4096, 37])
@pytest.mark.parametrize("length", [30_011, None])
def test_each_point_is_the_lowest_and_the_highest_sample_of_its_stretch(block: int, length: int | None) -> None:
    peaks = Peaks(RATE, points=500, length_samples=length)
    for start in range(0, NOISE.shape[1], block):
        peaks.add(NOISE[:, start : start + block])
    document = json.loads(peaks.json())
    assert (document["version"], document["bits"], document["channels"]) == (2, 8, 1)
    assert document["sample_rate"] == RATE
    assert 250 <= document["length"] <= 500
    assert document["data"] == expected(NOISE, document["samples_per_pixel"], 128)
    assert len(document["data"]) == 2 * document["length"]


def test_channels_side_by_side_in_16_bits() -> None:
    peaks = Peaks(RATE, points=10, bits=16, channels=2, length_samples=NOISE.shape[1])
    peaks.add(NOISE)
    document = peaks.data()
    left, right = (expected(NOISE[[channel]], document["samples_per_pixel"], 32768) for channel in range(2))
    both = np.array(document["data"]).reshape(-1, 2, 2)
    assert both[:, 0].ravel().tolist() == left
    assert both[:, 1].ravel().tolist() == right


def test_full_scale_stays_in_range_and_what_is_no_number_is_silence() -> None:
    peaks = Peaks(RATE, points=2, length_samples=4)
    peaks.add(np.array([[1.5, -1.5, np.nan, np.nan]], np.float32))
    assert peaks.data()["data"] == [-128, 127, 0, 0]


def test_nothing_is_an_outline_without_points() -> None:
    assert Peaks(RATE).data()["data"] == []


def test_memory_does_not_grow_with_the_sound() -> None:
    peaks = Peaks(RATE, points=100)
    for _ in range(60):
        peaks.add(NOISE)
    assert 50 <= peaks.data()["length"] <= 100
    assert peaks.data()["samples_per_pixel"] * peaks.data()["length"] >= 60 * NOISE.shape[1]
