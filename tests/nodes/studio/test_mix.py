"""What the plan asks for can be measured in the mix."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from devserver.nodes.mix import TonewrightMix
from devserver.nodes.studio.audio import Work
from devserver.nodes.studio.mixing import Ducking, ducking_curve
from tests.nodes.conftest import make

from .reference import Sound, ebur128, noise, tone

RATE = 48_000
PLAIN: dict[str, Any] = {"eq": [], "compress": None, "duck": None, "reverb": 0, "delay": 0, "width": 1}


def mix(plan: dict[str, Any] | None = None, **stems: Any) -> tuple[Sound, dict[str, Any]]:
    inputs = {name: {"waveform": sound[np.newaxis], "sample_rate": RATE} for name, sound in stems.items()}
    output = TonewrightMix().run(plan=json.dumps(plan) if plan else "", **inputs)
    audio, report = output["result"]
    assert output["ui"]["tonewright"] == [json.loads(report)]
    return audio["waveform"][0], json.loads(report)


def level_db(sound: Sound, hz: float) -> float:
    """How strong a tone is, both sides together."""
    at = np.exp(-2j * np.pi * hz * np.arange(sound.shape[1]) / RATE)
    return float(10 * np.log10((np.abs(sound @ at) ** 2).sum() / sound.shape[1] ** 2))


def test_the_defaults_make_a_balanced_mix_of_music() -> None:
    piece = make("house", 8.0)
    stems = {name: piece.sounds[name] for name in ("drums", "bass", "chords", "lead")}
    out, report = mix({}, **stems)
    reading = ebur128(out, RATE)
    assert out.shape == piece.mix.shape
    assert reading.loudness_lufs == pytest.approx(-18, abs=0.2)
    assert reading.true_peak_dbtp < -1
    assert report["loudness_lufs"] == pytest.approx(reading.loudness_lufs, abs=0.03)
    assert set(report["stems"]) == set(stems)
    power = np.abs(np.fft.rfft(out.mean(axis=0))) ** 2
    low, middle, high = (power[8 * a : 8 * b].sum() for a, b in ((20, 120), (120, 2000), (2000, 18_000)))
    assert 0.05 < low / power.sum() < 0.8
    assert middle / power.sum() > 0.1
    assert high / power.sum() > 0.005


def test_levels_are_relations_of_loudness() -> None:
    stems = {"bass": tone(400, 4, RATE, amplitude=0.9), "lead": tone(1000, 4, RATE, amplitude=0.01)}
    plan = {"stems": {"bass": PLAIN | {"level_lu": -6}, "lead": PLAIN | {"level_lu": 0}}}
    out, report = mix(plan, **stems)
    # 400 Hz and 1 kHz weigh about the same: 0.6 dB apart in BS.1770
    assert level_db(out, 1000) - level_db(out, 400) == pytest.approx(6 - 0.5, abs=0.4)
    assert report["stems"]["lead"]["gain_db"] > 19


def test_pan_and_width_place_a_stem() -> None:
    stereo = noise(0.1, 2, RATE)
    for pan, sides in ((-1.0, (1, 0)), (1.0, (0, 1))):
        out, _ = mix({"stems": {"lead": PLAIN | {"pan": pan}}}, lead=stereo)
        assert [bool(side.any()) for side in out] == [bool(side) for side in sides]
    out, _ = mix({"stems": {"lead": PLAIN | {"width": 0}}}, lead=stereo)
    assert np.allclose(out[0], out[1], atol=1e-6)
    half, _ = mix({"stems": {"lead": PLAIN | {"pan": 0.5}}}, lead=tone(440, 2, RATE, 1))
    assert half[1].std() / half[0].std() == pytest.approx((1 + np.sin(np.pi / 4)) / np.cos(np.pi / 4), rel=0.01)


def test_mono_and_shorter_stems_fit_and_the_tail_is_added() -> None:
    plan = {"stems": {"lead": PLAIN | {"reverb": 0.5}}, "tail_seconds": 1.5}
    out, _ = mix(plan, lead=tone(440, 1, RATE, 1), drums=noise(0.1, 0.5, RATE))
    assert out.shape == (2, round(2.5 * RATE))
    tail = out[:, round(1.05 * RATE) :]
    assert tail[:, : RATE // 2].std() > 10 * tail[:, -RATE // 5 :].std() > 0


def bursts(hz: float, seconds: float) -> Sound:
    at = np.arange(round(seconds * RATE)) / RATE % 0.5
    return np.stack([np.sin(2 * np.pi * hz * at) * np.exp(-at / 0.05)] * 2).astype(np.float32)


def test_a_kick_ducks_the_others_by_a_ramp_without_a_click() -> None:
    plan = {"stems": {"chords": PLAIN | {"duck": {"depth_db": 12}}, "drums": PLAIN | {"level_lu": -40}}}
    stems = {"chords": tone(1000, 4, RATE, amplitude=0.3), "drums": bursts(60, 4)}
    out, report = mix(plan, **stems)
    assert report["stems"]["chords"]["ducked_db"] == pytest.approx(12, abs=0.5)
    carrier = np.exp(-2j * np.pi * 1000 * np.arange(out.shape[1]) / RATE)
    envelope = np.abs(np.convolve(out[0] * carrier, np.ones(480) / 480, "same"))
    period = envelope[RATE // 2 : -RATE // 2].reshape(-1, RATE // 2).mean(axis=0)
    assert 20 * np.log10(period.min() / period.max()) == pytest.approx(-12, abs=1.5)
    assert np.argmin(period) < 0.04 * RATE
    ducked = np.abs(np.fft.rfft(out[0] * np.hanning(out.shape[1]))) ** 2
    assert 10 * np.log10(ducked[4 * 4000 :].sum() / ducked.sum()) < -70  # a click would be heard up there


@pytest.mark.parametrize("attack_ms", [4, 60])
def test_ducking_takes_its_attack_time(attack_ms: float) -> None:
    key = np.zeros((2, RATE), np.float32)
    key[:, RATE // 2 :] = tone(60, 0.5, RATE)
    duck = Ducking(depth_db=20, attack_ms=attack_ms)
    down_db = -20 * np.log10(ducking_curve(key, duck, RATE, Work(RATE, 1)))
    first, last = (int(np.argmax(down_db > share)) * 32 / RATE * 1000 for share in (1, 15))
    assert last - first > 0.6 * attack_ms
    assert last - first < attack_ms + 12


def test_only_the_low_band_of_the_key_ducks() -> None:
    plan = {"stems": {"chords": PLAIN | {"duck": {"depth_db": 12}}, "drums": PLAIN | {"level_lu": -40}}}
    drums = np.concatenate([bursts(60, 2), bursts(6000, 2)], axis=1)
    out, _ = mix(plan, chords=tone(1000, 4, RATE), drums=drums)
    with_kick, with_hat = (np.abs(out[0, round(at * RATE) : round((at + 0.02) * RATE)]).max() for at in (0.515, 2.515))
    assert 20 * np.log10(with_hat / with_kick) > 8


def test_compression_makes_loud_and_soft_more_alike() -> None:
    sound = noise(0.2, 4, RATE) * np.repeat([1, 0.2], 2 * RATE).astype(np.float32)

    def difference_db(compress: dict[str, float] | None) -> float:
        out, _ = mix({"stems": {"vocals": PLAIN | {"compress": compress}}}, vocals=sound)
        return float(20 * np.log10(out[:, RATE : 2 * RATE].std() / out[:, 3 * RATE :].std()))

    assert difference_db(None) == pytest.approx(14, abs=0.2)
    assert difference_db({"ratio": 4, "above_lu": -12}) == pytest.approx(14 - 9, abs=1.5)


def test_the_equaliser_of_a_stem_is_its_own() -> None:
    cut = PLAIN | {"eq": [{"kind": "high_cut", "hz": 500}]}
    stems = {"bass": tone(2000, 3, RATE) + tone(150, 3, RATE), "lead": tone(3000, 3, RATE)}
    plain, _ = mix({"stems": {"bass": PLAIN, "lead": PLAIN}}, **stems)
    out, _ = mix({"stems": {"bass": cut, "lead": PLAIN}}, **stems)

    def over_bass(sound: Sound) -> tuple[float, float]:
        return level_db(sound, 2000) - level_db(sound, 150), level_db(sound, 3000) - level_db(sound, 150)

    assert over_bass(out)[0] < over_bass(plain)[0] - 20
    assert over_bass(out)[1] > over_bass(plain)[1] - 6


def test_echoes_come_when_they_are_due_and_from_the_sides_in_turn() -> None:
    click = np.zeros((2, 2 * RATE), np.float32)
    click[:, 1000:1200] = 0.5 * np.hanning(200)
    plan = {"stems": {"lead": PLAIN | {"delay": 0.5}}, "delay": {"seconds": 0.3, "feedback": 0.5}, "loudness_lufs": -36}
    out, _ = mix(plan, lead=click)
    peaks = [np.abs(out[:, 1000 + round(n * 0.3 * RATE) - 200 :][:, :1000]).max(axis=1) for n in (1, 2, 3)]
    assert [int(left > right) for left, right in peaks] == [1, 0, 1]
    assert peaks[1][1] / peaks[0][0] == pytest.approx(0.5, abs=0.01)
    straight, _ = mix(plan | {"delay": {"seconds": 0.3, "ping_pong": False}}, lead=click)
    assert np.allclose(straight[0], straight[1], atol=1e-6)


def test_a_muted_stem_is_not_heard_but_may_duck() -> None:
    plan = {"stems": {"drums": {"mute": True}, "chords": PLAIN | {"duck": {"depth_db": 10}}}}
    out, report = mix(plan, drums=bursts(60, 3), chords=tone(1000, 3, RATE))
    assert report["stems"]["drums"] == {"muted": True}
    assert report["stems"]["chords"]["ducked_db"] > 9
    assert level_db(out, 60) < level_db(out, 1000) - 50


def test_bad_stems_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no stem is connected; allowed is at least one of drums"):
        TonewrightMix().run(plan="")
    both = {"waveform": np.zeros((2, 2, 100), np.float32), "sample_rate": RATE}
    with pytest.raises(ValueError, match="bass holds 2 sounds"):
        TonewrightMix().run(plan="", bass=both)
    one = {"waveform": np.zeros((1, 2, 100), np.float32)}
    with pytest.raises(ValueError, match="different rates in Hz: drums 48000, bass 44100"):
        TonewrightMix().run(plan="", drums=one | {"sample_rate": RATE}, bass=one | {"sample_rate": 44_100})


def test_silent_stems_stay_silent() -> None:
    out, report = mix(drums=np.zeros((2, RATE), np.float32), bass=np.zeros((2, RATE), np.float32))
    assert not out.any()
    assert "silent" in report["remark"]
