"""The mastering node: what it promises is what FFmpeg's meter reads on what it hands on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from devserver.nodes.master import PRESETS, TonewrightMaster
from devserver.nodes.studio.encode import Encoder
from tests.nodes.conftest import defaults, make

from .reference import Sound, decoded, drums, ebur128, noise, tone

INPUTS = defaults(TonewrightMaster)


def master(*sounds: Sound, rate: int = 48_000, **inputs: Any) -> tuple[list[Sound], list[dict[str, Any]]]:
    audio = {"waveform": np.stack(sounds), "sample_rate": rate}
    given = {key: value for key, value in INPUTS.items() if key not in inputs}
    output = TonewrightMaster().run(audio=audio, **given, **inputs)
    (made,) = output["result"]
    assert made["sample_rate"] == rate
    return list(made["waveform"]), output["ui"]["tonewright"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("genre", ["drum and bass", "waltz"])
def test_music_meets_each_preset(preset: str, genre: str) -> None:
    loudness_lufs, ceiling_dbtp = PRESETS[preset]
    (out,), (report,) = master(make(genre, 8.0).mix, preset=preset)
    reading = ebur128(out, 48_000)
    assert reading.loudness_lufs == pytest.approx(loudness_lufs, abs=0.2)
    assert reading.true_peak_dbtp <= ceiling_dbtp
    assert report["reached"]
    assert report["after"]["loudness_lufs"] == pytest.approx(reading.loudness_lufs, abs=0.03)
    assert report["after"]["range_lu"] == pytest.approx(reading.range_lu, abs=0.3)
    assert report["before"]["loudness_lufs"] == pytest.approx(ebur128(make(genre, 8.0).mix, 48_000)[0], abs=0.03)


def test_hard_limiting_is_measured_and_solved_again() -> None:
    own: dict[str, Any] = {"preset": "own", "loudness_lufs": -12.5, "tone": "as it is", "glue": 0.0}
    (out,), (report,) = master(drums(6, 48_000, 1), **own)
    reading = ebur128(out, 48_000)
    assert report["limiter_reduction_db"] > 6
    assert report["reached"]
    assert reading.loudness_lufs == pytest.approx(-12.5, abs=0.07)  # as computed at first it would be 0.1 off
    assert reading.true_peak_dbtp <= -1


def test_what_cannot_be_reached_is_said() -> None:
    (silence,), (about_silence,) = master(np.zeros((2, 48_000), np.float32))
    (short,), (about_short,) = master(tone(440, 0.2, 48_000))
    assert not silence.any()
    assert short.any()
    for report, word in ((about_silence, "silent"), (about_short, "0.4 s")):
        assert not report["reached"]
        assert word in report["remark"]


def test_every_sound_of_a_batch_is_mastered_by_itself() -> None:
    out, reports = master(noise(0.01, 3, 48_000), noise(0.3, 3, 48_000), preset="Apple Music")
    assert [round(ebur128(sound, 48_000).loudness_lufs) for sound in out] == [-16, -16]
    assert reports[0]["gain_db"] > reports[1]["gain_db"] + 20


def test_the_tone_is_what_was_asked() -> None:
    sound = noise(0.1, 3, 48_000)

    def balance_db(**inputs: Any) -> float:
        (out,), _ = master(sound, preset="EBU R128", glue=0.0, **inputs)
        power = np.abs(np.fft.rfft(out[0])) ** 2
        low, high = (power[round(start * 3) : round(end * 3)].sum() for start, end in ((150, 300), (12_000, 18_000)))
        return float(10 * np.log10(high / low))

    plain = balance_db(tone="as it is")
    assert balance_db(tone="warm") < plain - 2
    assert balance_db(tone="bright") > plain + 1
    assert balance_db(tone="as it is", air_db=4.0) == pytest.approx(plain + 3, abs=1)
    assert balance_db(tone="as it is", tilt_db=-0.5) < plain - 2


@pytest.mark.parametrize("kind", ["mp3", "opus", "m4a"])
def test_the_decoded_file_keeps_the_ceiling_where_its_encoder_was_named(kind: str, tmp_path: Any) -> None:
    (out,), (report,) = master(make("house", 8.0).mix, made_for=kind)
    assert report["room_db"] > 0
    with Encoder(tmp_path / "sound", kind, 48_000, 2) as encoder:
        encoder.write(out)
    heard, rate = decoded(tmp_path / "sound")
    assert ebur128(heard, rate).true_peak_dbtp <= -1
    assert ebur128(heard, rate).loudness_lufs == pytest.approx(-14, abs=0.2)


def test_what_is_no_sound_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"form \(1, 6, 100\); allowed are sounds of 1 or 2 channels"):
        master(np.zeros((6, 100), np.float32))
    with pytest.raises(ValueError, match="not numbers"):
        master(np.full((2, 100), np.nan, np.float32))
