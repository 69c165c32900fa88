"""Loudness and ceiling as FFmpeg reads them, and honesty where they cannot be had."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.studio.mastering import Glue, Mastered, Mastering

from .reference import Sound, drums, ebur128, noise, sounds, tone


def nothing() -> None: ...


def mastered(
    sound: Sound, rate: int, loudness_lufs: float, ceiling_dbtp: float, *, glue: Glue | None = None, block: int = 10_007
) -> tuple[Sound, Mastered]:
    mastering = Mastering(loudness_lufs=loudness_lufs, ceiling_dbtp=ceiling_dbtp, sample_rate_hz=rate, glue=glue)
    starts = range(0, sound.shape[1], block)
    for start in starts:
        mastering.add(sound[:, start : start + block])
    report = mastering.solve(nothing)
    parts = [mastering.apply(sound[:, start : start + block], start) for start in starts]
    out = np.concatenate([np.zeros((len(sound), 0), np.float32), *parts], axis=1)
    return out, report


@pytest.mark.parametrize(("loudness_lufs", "ceiling_dbtp"), [(-14.0, -1.0), (-9.0, -0.5), (-23.0, -1.0)])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [2.0, 9.7])
def test_the_target_is_met_under_the_ceiling_or_the_report_says_why_not(
    loudness_lufs: float, ceiling_dbtp: float, rate: int, channels: int, seconds: float
) -> None:
    short = []
    for name, sound in sounds(seconds, rate, channels).items():
        out, report = mastered(sound, rate, loudness_lufs, ceiling_dbtp, glue=Glue() if seconds > 5 else None)
        reading = ebur128(out, rate)
        assert out.shape == sound.shape
        assert reading.true_peak_dbtp <= ceiling_dbtp, name
        assert report.reached == (not report.remark), name
        if report.reached:
            assert reading.loudness_lufs == pytest.approx(loudness_lufs, abs=0.2), name
            assert report.after.loudness_lufs == pytest.approx(loudness_lufs, abs=0.1), name
        else:
            assert "pumping" in report.remark
            short.append(name)
    assert set(short) <= ({"drums", "loud and soft"} if loudness_lufs == -9 else set())


def test_a_minute_at_club_level() -> None:
    sound = drums(60, 48_000) + tone(110, 60, 48_000, amplitude=0.2) + noise(0.05, 60, 48_000)
    out, report = mastered(sound, 48_000, -9, -0.5)
    reading = ebur128(out, 48_000)
    assert reading.loudness_lufs == pytest.approx(-9, abs=0.2)
    assert reading.true_peak_dbtp <= -0.5
    assert report.limiter_reduction_db > 3
    assert report.after.range_lu == pytest.approx(reading.range_lu, abs=0.3)


def test_clicks_in_silence_are_not_pumped_up() -> None:
    sound = noise(0.0003, 6, 48_000)
    sound[:, ::48_000] = 0.5
    out, report = mastered(sound, 48_000, -14, -1)
    assert not report.reached
    assert "-14 LUFS is not reached" in report.remark
    assert ebur128(out, 48_000).true_peak_dbtp <= -1


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (tone(997, 0.3, 48_000, amplitude=2.0) * np.hanning(14_400).astype(np.float32), "shorter than the 0.4 s"),
        (np.zeros((2, 96_000), np.float32), "silent"),
        (np.zeros((2, 0), np.float32), "shorter"),
    ],
)
def test_what_has_no_loudness_keeps_its_level_under_the_ceiling(sound: Sound, reason: str) -> None:
    out, report = mastered(sound, 48_000, -14, -1)
    assert reason in report.remark
    assert not report.reached
    assert out.shape == sound.shape
    if sound.any():
        assert ebur128(out, 48_000).true_peak_dbtp == pytest.approx(-1, abs=0.05)
        assert ebur128(out, 48_000).true_peak_dbtp <= -1


def test_what_needs_no_limiting_is_only_turned_up() -> None:
    sound = noise(0.01, 3, 48_000)
    out, report = mastered(sound, 48_000, -30, -1)
    assert report.limiter_reduction_db == 0
    assert np.allclose(out, sound * 10 ** (report.gain_db / 20), rtol=1e-5)


def test_the_limiter_moves_smoothly_and_lets_go_slowly() -> None:
    sound = np.full((2, 4 * 48_000), 0.05, np.float32) * np.resize([1, -1], 4 * 48_000).astype(np.float32)
    sound[:, 96_000:96_100] *= 15
    mastering = Mastering(loudness_lufs=None, ceiling_dbtp=-6, sample_rate_hz=48_000)
    mastering.add(sound)
    mastering.solve(nothing)
    gain_db = 20 * np.log10(mastering.apply(np.ones((1, sound.shape[1]), np.float32), 0)[0])
    at = {ms: gain_db[96_100 + round(ms * 48)] for ms in (-20, -3, 0, 25, 90, 500)}
    assert np.abs(np.diff(gain_db)).max() < 0.05
    assert at[-20] == pytest.approx(0, abs=0.01)
    assert at[0] < at[-3] < -1  # it looks ahead
    assert at[0] < at[25] < 0.6 * at[0] < at[90] < 0.1 * at[0] < at[500]


def test_a_limited_low_tone_stays_a_tone() -> None:
    sound = tone(60, 4, 48_000, amplitude=0.2) * np.linspace(0.5, 1, 4 * 48_000).astype(np.float32)
    out, report = mastered(sound, 48_000, -9, -6)
    assert report.limiter_reduction_db > 3
    part = out[0, 48_000 : 2 * 48_000] * np.hanning(48_000)
    power = np.abs(np.fft.rfft(part)) ** 2
    assert 10 * np.log10(power[100:].sum() / power[55:65].sum()) < -35


def test_glue_brings_loud_and_soft_together() -> None:
    sound = noise(0.1, 18, 48_000) * np.repeat([1, 0.2, 1], 6 * 48_000).astype(np.float32)
    _, dry = mastered(sound, 48_000, -23, -1)
    out, glued = mastered(sound, 48_000, -23, -1, glue=Glue(ratio=4, above_lu=-12, most_db=12))
    assert dry.glue_reduction_db == 0
    assert 3 < glued.glue_reduction_db < 12
    assert glued.after.range_lu < dry.after.range_lu - 1
    assert ebur128(out, 48_000).loudness_lufs == pytest.approx(-23, abs=0.2)


def test_the_size_of_the_blocks_makes_no_difference() -> None:
    sound = drums(2, 48_000)
    assert mastered(sound, 48_000, -14, -1, block=1000)[0].tobytes() == mastered(sound, 48_000, -14, -1)[0].tobytes()


def test_a_measured_difference_is_corrected() -> None:
    mastering = Mastering(loudness_lufs=-14, ceiling_dbtp=-1, sample_rate_hz=48_000)
    mastering.add(noise(0.2, 3, 48_000))
    before = mastering.solve(nothing).gain_db
    assert mastering.correct(-14.2, nothing).gain_db == pytest.approx(before + 0.2, abs=0.05)


def test_applying_before_solving_is_an_error() -> None:
    mastering = Mastering(loudness_lufs=-14, ceiling_dbtp=-1, sample_rate_hz=48_000)
    with pytest.raises(RuntimeError, match="solve"):
        mastering.apply(noise(0.1, 1, 48_000), 0)
    with pytest.raises(RuntimeError, match="solve"):
        _ = mastering.report
