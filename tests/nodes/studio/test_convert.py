"""Files of every format from one sound, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.nodes.convert import TonewrightConvert
from devserver.nodes.host import Host, current
from devserver.nodes.studio.encode import FORMS, LOSSLESS, OVERSHOOT_DB
from tests.nodes.conftest import defaults, make

from .reference import Sound, decoded, ebur128, noise, tone


def convert(folder: Path, *sounds: Sound, rate: int = 48_000, **inputs: Any) -> tuple[list[Path], list[dict[str, Any]]]:
    token = current.set(Host(folder))
    try:
        audio = {"waveform": np.stack(sounds), "sample_rate": rate}
        output = TonewrightConvert().run(audio=audio, **(defaults(TonewrightConvert) | inputs))
    finally:
        current.reset(token)
    paths = [folder / entry["subfolder"] / entry["filename"] for entry in output["ui"]["audio"]]
    return paths, output["ui"]["tonewright"]


@pytest.mark.parametrize("kind", FORMS)
def test_each_format_holds_the_whole_sound(tmp_path: Path, kind: str) -> None:
    sound = 0.7 * make("house", 8.0).mix[:, :200_001]
    (path,), (report,) = convert(tmp_path, sound, format=kind)
    heard, rate = decoded(path)
    assert path.suffix == f".{kind}"
    assert rate == report["sample_rate_hz"] == 48_000
    assert 0 <= heard.shape[1] - 200_001 < (1024 if kind == "m4a" else 1)
    assert report["limiter_reduction_db"] == 0
    assert (kind in LOSSLESS) == ("decoded" not in report)
    if kind not in LOSSLESS:
        reading = ebur128(heard, rate)
        assert report["decoded"]["true_peak_dbtp"] == pytest.approx(reading.true_peak_dbtp, abs=0.1)
        assert report["decoded"]["loudness_lufs"] == pytest.approx(reading.loudness_lufs, abs=0.05)


def test_a_lossless_file_is_the_sound_itself(tmp_path: Path) -> None:
    sound = np.asarray(np.rint(noise(0.1, 1, 48_000) * 32_768) / 32_768, np.float32)
    for kind, quality in (("wav", "16"), ("flac", "16"), ("wav", "24"), ("flac", "24"), ("wav", "32f")):
        (path,), _ = convert(tmp_path, sound, format=kind, quality=quality)
        assert np.array_equal(decoded(path)[0], sound)


@pytest.mark.parametrize("kind", ["mp3", "opus", "ogg", "m4a"])
def test_the_decoded_file_stays_under_the_ceiling(tmp_path: Path, kind: str) -> None:
    loud = make("drum and bass", 8.0).mix * 2.5
    (path,), (report,) = convert(tmp_path, loud, format=kind, ceiling_dbtp=-1.0)
    heard, rate = decoded(path)
    assert ebur128(heard, rate).true_peak_dbtp <= -1
    assert report["limiter_reduction_db"] > 1
    assert report["remark"] == ""


def test_what_goes_over_is_written_again_and_said_if_that_does_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OVERSHOOT_DB, "opus", {"64k": (0.01, 0.01)})
    sound: dict[str, Any] = {"format": "opus", "quality": "64k", "ceiling_dbtp": -6.0}
    _, (again,) = convert(tmp_path, noise(0.3, 2, 48_000), **sound)
    assert again["decoded"]["true_peak_dbtp"] <= -6
    assert again["remark"] == ""
    monkeypatch.setattr("devserver.nodes.convert.ATTEMPTS", 1)
    _, (once,) = convert(tmp_path, noise(0.3, 2, 48_000), **sound)
    assert once["decoded"]["true_peak_dbtp"] > -6
    assert "over the -6 asked" in once["remark"]


def test_samples_over_full_scale_are_limited_unless_they_shall_stay(tmp_path: Path) -> None:
    hot = tone(440, 1, 48_000, amplitude=1.5)
    (path,), (report,) = convert(tmp_path, hot, format="wav")
    assert report["clipped_samples"] == 0
    assert report["limiter_reduction_db"] == pytest.approx(3.6, abs=0.2)
    assert np.abs(decoded(path)[0]).max() <= 1
    _, (report,) = convert(tmp_path, hot, format="wav", ceiling_dbtp=20.0)
    assert report["clipped_samples"] > 10_000
    (path,), _ = convert(tmp_path, hot, format="wav", quality="32f")
    assert np.array_equal(decoded(path)[0], hot)


def test_rates_and_batches(tmp_path: Path) -> None:
    paths, reports = convert(tmp_path, tone(440, 1, 44_100), tone(880, 1, 44_100), rate=44_100, format="opus")
    assert [report["sample_rate_hz"] for report in reports] == [48_000, 48_000]
    peaks = [np.abs(np.fft.rfft(decoded(path)[0][0, :48_000])).argmax() for path in paths]
    assert peaks == [440, 880]
    (path,), _ = convert(tmp_path, tone(440, 1, 48_000), format="flac", sample_rate_hz=44_100)
    assert decoded(path)[1] == 44_100


def test_a_quality_that_the_format_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quality is 'V0'; opus allows 160k"):
        convert(tmp_path, tone(440, 1, 48_000), format="opus", quality="V0")
    assert not list(tmp_path.rglob("*.opus"))
