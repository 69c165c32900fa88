"""Faults put into sound are found, in the amount put in, and only they; what is measured is what is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.measure.listen import analyse
from devserver.nodes.measure.tempo import tempo
from tests.nodes.conftest import make, through_mp3

RATE = 48_000
Sound = NDArray[np.float32]


def tone(seconds: float = 3.0, hz: float = 440.0, level: float = 0.5, rate: int = RATE) -> Sound:
    wave = level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    return np.stack([wave, wave]).astype(np.float32)


def noise(seconds: float = 4.0, level: float = 0.1, channels: int = 2) -> Sound:
    rng = np.random.default_rng(5)
    return (level * rng.standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def clicks(bpm: float, seconds: float = 20.0) -> Sound:
    made = np.zeros((1, int(seconds * RATE)), np.float32)
    for beat in np.arange(0, seconds - 0.5, 60 / bpm):
        start = round(beat * RATE)
        made[0, start : start + 400] = np.random.default_rng(1).standard_normal(400) * np.linspace(0.5, 0, 400)
    return made


def band(seconds: float = 8.0) -> Sound:
    """A bass, a chord and a beat: sound that is nobody's work but stays as it is."""
    at = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(9)
    bass = 0.25 * np.sin(2 * np.pi * 55 * at + 0.5 * np.sin(2 * np.pi * 110 * at))
    chord = sum(0.05 * np.sin(2 * np.pi * hz * at * (1 + side)) for side in (0, 0.002) for hz in (220, 277, 330, 440))
    beat = rng.standard_normal((2, len(at))) * 0.2 * np.exp(-(at % 0.25) / 0.06)
    return (beat + bass + chord).astype(np.float32)


def sixteen_bits(sound: Sound) -> Sound:
    return (np.round(sound * 32767) / 32768).astype(np.float32)


def measured(sound: Sound, rate: int = RATE) -> dict[str, Any]:
    return analyse(sound, rate, lambda: None).model_dump()


def lowpassed(sound: Sound, hz: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    spectrum[:, np.fft.rfftfreq(sound.shape[1], 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, sound.shape[1]).astype(np.float32)


CLEAN = {
    "tone": tone(),
    "low tone in 16 bits": sixteen_bits(tone(hz=30, level=0.9)),
    "quiet low tone in 16 bits": sixteen_bits(tone(hz=25, level=0.02)),
    "tone up to full scale": sixteen_bits(tone(hz=110, level=1.0)),
    "noise": noise(),
    "clicks": clicks(120),
    "band": band(),
    **{genre: make(genre, 8.0).mix for genre in ("drum and bass", "ambient", "jazz trio", "trap")},
    "drums alone": make("techno", 8.0).sounds["drums"],
    "bass alone": make("dub reggae", 8.0).sounds["bass"],
    "mp3": through_mp3(make("house", 8.0).mix),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_sound_raises_nothing(name: str) -> None:
    report = measured(CLEAN[name])
    assert report["clipped_samples"] == 0
    assert report["dropouts"] == 0
    assert report["samples_not_finite"] == 0
    assert report["dc_offset"] < 6e-3  # -44 dBFS


@pytest.mark.parametrize("gain", [1.0, 0.7, 0.05])
@pytest.mark.parametrize("over", [1.01, 1.5, 4.0])
def test_clipped_samples_are_counted_also_when_turned_down_later(over: float, gain: float) -> None:
    music = band()
    loud = music / np.abs(music).max(axis=1, keepdims=True) * np.float32(over)
    cut = np.abs(loud) > 1
    runs = np.pad(cut, ((0, 0), (1, 1)))
    # Alone or in pairs, samples that were cut make no flat top.
    inside = runs[:, 1:-1] & (runs[:, 2:] | runs[:, :-2])
    report = measured(sixteen_bits(np.clip(loud, -1, 1)) * np.float32(gain))
    assert report["clipped_samples"] <= cut.sum() * 1.02 + 20
    assert report["clipped_samples"] >= 0.5 * inside.sum() - 20


@pytest.mark.parametrize("gain", [1.0, 0.7, 0.05])
def test_a_clipped_tone_is_counted_to_the_sample(gain: float) -> None:
    loud = tone(level=1.5)
    report = measured(np.clip(loud, -1, 1) * np.float32(gain))
    assert report["clipped_samples"] == pytest.approx((np.abs(loud) >= 1).sum(), rel=0.01)


def test_samples_over_full_scale_and_samples_that_are_no_numbers() -> None:
    loud = tone(level=1.2)
    report = measured(loud)
    assert report["samples_over_full_scale"] == (np.abs(loud) > 1).sum()
    assert report["clipped_samples"] == pytest.approx(report["samples_over_full_scale"], rel=0.02)
    broken = tone()
    broken[0, 100:107] = np.nan
    broken[1, 200] = np.inf
    assert measured(broken)["samples_not_finite"] == 8


@pytest.mark.parametrize("milliseconds", [4, 12.5, 300])
@pytest.mark.parametrize("name", ["tone", "noise", "band"])
def test_dropouts_are_counted(name: str, milliseconds: float) -> None:
    damaged = CLEAN[name].copy()
    places = np.linspace(0.15, 0.85, 6) * damaged.shape[1]
    length = round(milliseconds * RATE / 1000)
    for place in places.astype(int):
        damaged[:, place : place + length] = 0
    report = measured(damaged)
    assert report["dropouts"] == 6
    assert report["dropout_seconds"] == pytest.approx(6 * length / RATE, abs=0.012)


def test_holes_in_what_is_hardly_heard_are_no_dropouts() -> None:
    faint = noise(level=0.001)
    faint[:, 50_000:51_000] = 0
    faint[:, :20_000] *= 100
    assert measured(faint)["dropouts"] == 0


def test_dropouts_in_an_mp3() -> None:
    damaged = band()
    for place in range(1, 7):
        damaged[:, place * 47_000 : place * 47_000 + 1200] = 0
    assert 5 <= measured(through_mp3(damaged))["dropouts"] <= 6


def test_a_pause_is_no_dropout_but_silence() -> None:
    paused = noise(8.0)
    paused[:, RATE : RATE + 480] *= np.linspace(1, 0, 480, dtype=np.float32)
    paused[:, RATE + 480 : RATE + 9600] = 0
    report = measured(paused)
    assert report["dropouts"] == 0
    assert report["silence_longest_gap_seconds"] == pytest.approx(0.19, abs=0.011)


def test_silence_is_told_by_its_place() -> None:
    sound = np.pad(noise(6.0), ((0, 0), (int(1.2 * RATE), int(2.5 * RATE))))
    for start, seconds in ((2.2, 0.5), (4.2, 0.8)):
        sound[:, int(start * RATE) : int((start + seconds) * RATE)] = 0
    report = measured(sound)
    assert report["silence_lead_seconds"] == pytest.approx(1.2, abs=0.011)
    assert report["silence_tail_seconds"] == pytest.approx(2.5, abs=0.011)
    assert report["silence_longest_gap_seconds"] == pytest.approx(0.8, abs=0.011)
    assert report["silence_seconds"] == pytest.approx(5.0, abs=0.05)
    assert report["silence_share"] == pytest.approx(5.0 / 9.7, abs=0.005)
    assert measured(noise())["silence_seconds"] == 0


def test_nothing_but_silence_and_nothing_at_all() -> None:
    nothing = measured(np.zeros((1, RATE), np.float32))
    for name in ("bpm", "key", "peak_dbfs", "loudness_lufs", "brightness_hz", "bandwidth_hz", "true_peak_dbtp"):
        assert nothing[name] is None
    assert (nothing["silence_seconds"], nothing["silence_share"]) == (1.0, 1.0)
    assert measured(np.zeros((2, 0), np.float32))["seconds"] == 0
    for length in (1, 37, 5000):
        assert measured(tone()[:, :length])["seconds"] == pytest.approx(length / RATE, abs=1e-6)


@pytest.mark.parametrize("offset", [0.05, -0.01])
def test_dc(offset: float) -> None:
    assert measured(noise() + np.float32(offset))["dc_offset"] == pytest.approx(abs(offset), abs=2e-3)


@pytest.mark.parametrize("hz", [4000, 8000, 16000])
def test_where_the_spectrum_ends(hz: float) -> None:
    for sound in (noise(), band()):
        assert measured(lowpassed(sound, hz))["bandwidth_hz"] == pytest.approx(hz, rel=0.01)
        assert measured(sound)["bandwidth_hz"] > 18_000


def test_faint_overtones_belong_to_the_spectrum() -> None:
    dark = lowpassed(noise(), 2000) + np.float32(0.002) * lowpassed(noise(), 12_000)
    assert measured(dark)["bandwidth_hz"] == pytest.approx(12_000, rel=0.01)


def test_the_stereo_picture() -> None:
    two, one = noise(), noise(channels=1)
    same = np.concatenate([one, one])
    opposed = np.concatenate([one, -one])
    assert [measured(sound)["mono"] for sound in (two, one, same, opposed)] == [False, True, True, False]
    widths = [measured(sound)["stereo_width"] for sound in (same, two, opposed)]
    assert widths == pytest.approx([0.0, 0.5, 1.0], abs=0.02)
    correlations = [measured(sound)["stereo_correlation"] for sound in (same, two, opposed)]
    assert correlations == pytest.approx([1.0, 0.0, -1.0], abs=0.02)
    narrow = np.stack([two[0], 0.5 * two[0] + np.sqrt(np.float32(0.75)) * two[1]])
    assert measured(narrow)["stereo_correlation"] == pytest.approx(0.5, abs=0.02)


def test_brightness_follows_the_pitch() -> None:
    assert measured(tone(hz=440))["brightness_hz"] == pytest.approx(440, rel=0.1)
    assert measured(tone(hz=5000))["brightness_hz"] == pytest.approx(5000, rel=0.02)
    assert measured(noise())["brightness_hz"] == pytest.approx(RATE / 4, rel=0.03)


@pytest.mark.parametrize("bpm", [75, 120, 240])
def test_onsets_are_counted(bpm: float) -> None:
    assert measured(clicks(bpm))["onsets_per_second"] == pytest.approx(bpm / 60 * 19.5 / 20, abs=0.06)


def test_a_hiss_under_the_clicks_is_no_onset() -> None:
    hissing = clicks(120) + noise(20.0, level=0.002, channels=1)
    assert measured(hissing)["onsets_per_second"] == pytest.approx(39 / 20, abs=0.06)


def test_the_tempo_is_told_closer_than_a_tenth() -> None:
    assert measured(clicks(70.05, 40.0))["bpm"] == pytest.approx(70.05, abs=0.02)


@pytest.mark.parametrize("bpm", [62.0, 90.0, 120.5, 143.0, 174.0])
def test_clicks_at_a_known_tempo(bpm: float) -> None:
    report = measured(clicks(bpm))
    assert min(abs(report[name] / bpm - 1) for name in ("bpm", "bpm_half", "bpm_double")) < 0.005
    assert report["bpm_confidence"] > 0.5
    assert measured(noise(20.0))["bpm_confidence"] < 0.2


@pytest.mark.parametrize("bpm", [66.0, 84.0])
def test_swells_without_a_beat_have_a_tempo(bpm: float) -> None:
    """Tones that fade into each other, one for each beat, under a hiss."""
    at, beat = np.arange(24 * RATE) / RATE, 60 / bpm
    sound = noise(24.0, level=0.02, channels=1)
    for number, start in enumerate(np.arange(0, 22, beat)):
        hz = (220.0, 293.7, 277.2, 246.9, 329.6)[number % 5]
        fade = np.clip((at - start) / 0.2, 0, 1) * np.clip((start + 1.6 * beat - at) / (1.6 * beat - 0.4), 0, 1)
        sound[0] += 0.1 * np.sin(np.pi / 2 * fade) ** 2 * sum(np.sin(2 * np.pi * hz * n * at) / n for n in (1, 2, 3))
    report = measured(sound)
    assert min(abs(report[name] / bpm - 1) for name in ("bpm", "bpm_half", "bpm_double")) < 0.01


@pytest.mark.parametrize("bpm", [96.0, 150.0, 168.0])
def test_three_beats_to_a_bar(bpm: float) -> None:
    """A strong first beat and two weak ones: two such bars could be heard as three times two beats."""
    per_second = 187.5
    onsets = np.zeros(int(24 * per_second), np.float32)
    for number, at in enumerate(np.arange(0, 23.5, 60 / bpm)):
        onsets[round(at * per_second)] = 0.1 if number % 3 else 1.0
    found, _ = tempo(np.convolve(onsets, [0.3, 1, 0.6, 0.2], "same").astype(np.float32), per_second)
    assert found == pytest.approx(bpm, rel=0.005)


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 2), (22_050, 1), (96_000, 2)])
def test_loudness_of_the_standard_tone(rate: int, channels: int) -> None:
    level = 10 ** (-23 / 20) * (1 if channels == 2 else np.sqrt(2))
    report = measured(tone(8.0, 1000, level, rate)[:channels], rate)
    assert report["loudness_lufs"] == pytest.approx(-23, abs=0.1)
    assert report["loudness_short_term_max_lufs"] == pytest.approx(-23, abs=0.1)
    assert report["loudness_range_lu"] == pytest.approx(0, abs=0.1)
    assert report["rms_dbfs"] == pytest.approx(report["peak_dbfs"] - 3.01, abs=0.02)
    assert (report["sample_rate_hz"], report["channels"], report["seconds"]) == (rate, channels, 8.0)


def test_loudness_as_it_goes() -> None:
    steps = np.concatenate([tone(10.0, 1000, 10 ** (dbfs / 20)) for dbfs in (-30, -20, -40)], axis=1)
    report = measured(steps)
    curve, step = report["loudness_curve_lufs"], report["loudness_curve_step_seconds"]
    assert step * len(curve) == pytest.approx(30, abs=step)
    assert curve[0] is None
    for seconds, expected in ((3, -30), (10, -30), (13, -20), (20, -20), (23, -40), (30, -40)):
        assert curve[round(seconds / step) - 1] == pytest.approx(expected, abs=0.1)
    assert report["loudness_range_lu"] == pytest.approx(20, abs=0.5)
    assert report["loudness_lufs"] == pytest.approx(-22.6, abs=0.15)  # without the last part, which the gate leaves out
    long = measured(np.tile(noise(5.0, channels=1), 40))
    assert len(long["loudness_curve_lufs"]) <= 120


def test_a_peak_between_the_samples() -> None:
    beside = np.pi / 4 + 2 * np.pi * 12_000 * np.arange(RATE) / RATE
    faded = 0.8 * np.sin(beside) * np.hanning(RATE)
    report = measured(faded[np.newaxis].astype(np.float32))
    assert report["peak_dbfs"] == pytest.approx(-4.95, abs=0.02)
    assert report["true_peak_dbtp"] == pytest.approx(-1.94, abs=0.1)


def test_three_channels_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="3 channels; allowed are 1 and 2"):
        measured(np.zeros((3, 100), np.float32))
