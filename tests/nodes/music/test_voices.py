"""Every voice and every drum can be played anywhere on the keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from devserver.nodes.music.drums import KITS, PAN, hit, tune_kit
from devserver.nodes.music.dsp import SAMPLE_RATE_HZ, cycle, frequency_hz
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.players import INSTRUMENTS
from devserver.nodes.music.voices import VOICES
from devserver.nodes.music.voices import sound as play


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.parametrize("pitch", [28, 60, 96])
def test_a_voice_sounds_in_both_ears_and_ends(name: str, pitch: int) -> None:
    for held in (480, 24_000):
        sound = play(VOICES[name], pitch, held, np.random.default_rng(1))
        assert sound.shape[0] in (1, 2)  # one is heard in both ears
        assert sound.shape[1] > held
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert (np.abs(sound).max(axis=1) > 0.005).all()
        assert np.abs(sound).max() < 4
        assert np.abs(sound[:, -1]).max() < 1e-3


@pytest.mark.parametrize("name", VOICES)
def test_a_stretch_of_a_note_is_the_same_on_its_own(name: str) -> None:
    whole, part = (
        VOICES[name].held(52, start, stop, np.random.default_rng(1)) for start, stop in ((0, 80_000), (40_000, 60_000))
    )
    np.testing.assert_allclose(part, whole[:, 40_000:60_000], atol=3e-4)  # a partial's end at -72 dB


@pytest.mark.parametrize("name", sorted(set(VOICES) - {"sub808"}))
def test_a_voice_is_in_tune(name: str) -> None:
    sound = play(VOICES[name], 57, SAMPLE_RATE_HZ, np.random.default_rng(1)).mean(axis=0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / SAMPLE_RATE_HZ)
    near = (hz > 180) & (hz < 270)
    assert hz[near][np.argmax(spectrum[near])] == pytest.approx(220, rel=0.01)
    assert spectrum[near].max() > 0.05 * spectrum.max()
    assert np.abs(spectrum[0]) < 0.02 * spectrum.max()  # no DC


@pytest.mark.parametrize("name", ["acid", "round_bass", "sub", "dub_bass"])
def test_a_bass_is_as_loud_with_every_seed(name: str) -> None:
    """Its oscillator and the sine under it begin together; else some notes would nearly cancel."""
    levels = [play(VOICES[name], 33, 24_000, np.random.default_rng(seed)).std() for seed in range(6)]
    assert max(levels) < 1.01 * min(levels)


@pytest.mark.parametrize("name", KITS)
@pytest.mark.parametrize("pitch", PAN)
def test_a_drum_sounds_and_ends(name: str, pitch: int) -> None:
    sound = hit(KITS[name], pitch, 0, 1)
    assert np.isfinite(sound).all()
    assert 0.05 < np.abs(sound).max() < 4
    assert np.abs(sound[:, -1]).max() < 1e-9
    assert not np.array_equal(sound, hit(KITS[name], pitch, 1, 1)[:, : sound.shape[1]])


def test_kick_and_toms_are_tuned_to_the_key() -> None:
    for tonic in range(12):
        kit = tune_kit(KITS["nine"], tonic)
        assert kit.kick_hz == pytest.approx(frequency_hz(24 + tonic)) or kit.kick_hz == pytest.approx(
            frequency_hz(36 + tonic)
        )
        assert KITS["nine"].kick_hz / 1.5 < kit.kick_hz < KITS["nine"].kick_hz * 1.5


def test_nothing_above_the_nyquist_frequency_is_put_into_a_wave() -> None:
    table = cycle("saw", frequency_hz(108))
    harmonics = np.abs(np.fft.rfft(table[:-1]))
    assert harmonics[5:].max() < 1e-6 * harmonics.max()  # 4186 Hz: the fifth would be above 20 kHz


def test_every_voice_that_a_genre_or_a_word_names_exists() -> None:
    named = {voice for genre in GENRES.values() for part, voice in genre.voices.items() if part != "drums"}
    named |= {layer.voice for genre in GENRES.values() for layer in genre.layers}
    named |= {voice for choices in INSTRUMENTS.values() for _, voice in choices if voice}
    assert named <= set(VOICES)
    assert {genre.voices["drums"] for genre in GENRES.values()} <= set(KITS)
