"""Stems that would pass full scale, and those that would not."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.music.headroom import Headroom
from devserver.nodes.studio.mastering import Mastering


def nothing() -> None: ...


@pytest.mark.parametrize("block", [997, 48_000])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_no_stem_passes_full_scale_and_they_still_add_up(block: int, scale: float) -> None:
    rng = np.random.default_rng(2)
    wave = scale * 0.25 * rng.standard_normal((2, 200_000)).astype(np.float32)
    wave[:, 100_003:100_009] = scale * 3  # taken away again by the other stem
    stems = {"bass": wave, "chords": 0.2 * wave[::-1] - np.where(np.abs(wave) > 2 * scale, wave, 0).astype(np.float32)}
    mix = stems["bass"] + stems["chords"]
    mastering, headroom = Mastering(loudness_lufs=-14, ceiling_dbtp=-1, sample_rate_hz=48_000), Headroom(200_000)
    for start in range(0, 200_000, block):
        mastering.add(mix[:, start : start + block])
        headroom.add({part: stem[:, start : start + block] for part, stem in stems.items()}, start)  # type: ignore[misc]
    mastering.solve(nothing)
    down_db = headroom.solve(mastering, nothing)
    out = {part: headroom.apply(mastering.apply(stem, 0), 0) for part, stem in stems.items()}
    assert down_db > 1
    assert all(np.abs(stem).max() <= 1 for stem in out.values())
    master = headroom.apply(mastering.apply(mix, 0), 0)
    np.testing.assert_allclose(out["bass"] + out["chords"], master, atol=1e-6)
    np.testing.assert_allclose(master[:, :90_000], mastering.apply(mix, 0)[:, :90_000], atol=1e-6)  # far from it


def test_stems_that_fit_stay_as_they_are() -> None:
    tone = 0.1 * np.sin(np.arange(96_000) / 20).astype(np.float32) * np.ones((2, 1), np.float32)
    mastering, headroom = Mastering(loudness_lufs=-20, ceiling_dbtp=-1, sample_rate_hz=48_000), Headroom(96_000)
    mastering.add(tone)
    headroom.add({"lead": tone}, 0)
    mastering.solve(nothing)
    assert headroom.solve(mastering, nothing) == 0.0
    assert headroom.apply(tone, 0) is tone
