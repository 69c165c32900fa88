"""Sounds in and out of files, and at another rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devserver.host.stock.sound import decode, encode, resample
from tests.devserver.media_files import write_image
from tests.host.stock.tones import RATE_HZ, sine


def test_another_rate_has_as_many_samples_more_and_the_same_tone() -> None:
    tone = sine(0.1, rate_hz=24000)
    found = resample(tone, 24000, 48000)
    assert found.shape == (2, 4800)
    assert np.corrcoef(found[0, 100:-100], sine(0.1, rate_hz=48000)[0, 100:-100])[0, 1] > 0.999
    assert resample(tone, 24000, 24000) is tone


def test_a_file_without_loss_gives_back_what_was_put_in(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(encode(sine(0.1, channels=1), RATE_HZ, "flac", "", {}))
    samples, rate_hz = decode(tmp_path / "a.flac")
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(samples, sine(0.1, channels=1), atol=1e-4)


def test_opus_takes_the_next_rate_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.opus").write_bytes(encode(sine(0.1, rate_hz=22050), 22050, "opus", "64k", {}))
    samples, rate_hz = decode(tmp_path / "a.opus")
    assert rate_hz == 48000  # a decoder of Opus has this one alone
    assert samples.shape[1] == pytest.approx(4800, abs=960)


@pytest.mark.parametrize("shape", [(3, 100), (1, 0), (0, 100)])
def test_neither_mono_nor_stereo_and_no_sound_at_all_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{shape[0]} channels of {shape[1]} samples"):
        encode(np.zeros(shape, np.float32), RATE_HZ, "flac", "", {})


def test_a_file_without_a_sound_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.png has no audio stream"):
        decode(write_image(tmp_path / "a.png"))
