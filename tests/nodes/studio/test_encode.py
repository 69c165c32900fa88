"""Files that hold what was written: the length to the sample, at the same place, and no half files."""

from __future__ import annotations

import json
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest

from devserver.nodes.studio.encode import FORMS, Encoder, form_of, quantise

from .reference import Sound, decoded, noise, tone

ALL = [(kind, quality) for kind, form in FORMS.items() for quality in form.qualities]


def music(rate: int, channels: int) -> Sound:
    """Three seconds and a bit, an odd number of samples: a tone, and a burst of noise at a place that can be found."""
    sound = tone(440, 3.0123, rate, channels, 0.2)
    sound[:, rate : rate + rate // 10] += noise(0.1, 0.1, rate, channels)
    return sound


def write(path: Path, kind: str, rate: int, sound: Sound, quality: str = "", *, to_rate_hz: int = 0) -> Encoder:
    with Encoder(path, kind, rate, len(sound), quality, to_rate_hz=to_rate_hz) as encoder:
        for start in range(0, sound.shape[1], 10_007):
            encoder.write(sound[:, start : start + 10_007])
    return encoder


def lag(one: Sound, other: Sound) -> int:
    """By how many samples the second comes later than the first."""
    size = 1 << (2 * one.shape[1]).bit_length()
    product = np.fft.rfft(other[0], size) * np.conj(np.fft.rfft(one[0], size))
    at = int(np.fft.irfft(product, size).argmax())
    return at if at < size // 2 else at - size


@pytest.mark.parametrize(("kind", "quality"), ALL)
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1)])
def test_what_is_decoded_is_as_long_and_at_the_same_place(
    tmp_path: Path, kind: str, quality: str, rate: int, channels: int
) -> None:
    sound = music(rate, channels)
    encoder = write(tmp_path / "sound", kind, rate, sound, quality)
    heard, heard_hz = decoded(tmp_path / "sound")
    assert heard_hz == encoder.sample_rate_hz
    expected = -(-sound.shape[1] * heard_hz // rate)
    if kind == "m4a":  # AAC comes in packets of 1024; the file's header says where its sound ends
        assert 0 <= heard.shape[1] - expected < 1024
        with av.open(str(tmp_path / "sound")) as container:
            assert container.duration is not None
            assert container.duration / 1e6 == pytest.approx(sound.shape[1] / rate, abs=2 / rate)
    else:
        assert heard.shape == (channels, expected)
    if heard_hz == rate:
        assert lag(sound, heard[:, :expected]) == 0
        error = heard[:, : sound.shape[1]] - sound
        floor_db = {"16": 75, "24": 125, "32f": 200}.get(quality, 15)
        assert 20 * np.log10(sound.std() / max(error.std(), 1e-12)) > floor_db


@pytest.mark.parametrize(("kind", "quality"), ALL)
def test_the_level_stays(tmp_path: Path, kind: str, quality: str) -> None:
    write(tmp_path / "sound", kind, 48_000, tone(997, 3, 48_000), quality)
    heard, _ = decoded(tmp_path / "sound")
    at = np.exp(-2j * np.pi * 997 * np.arange(48_000) / 48_000)
    assert 20 * np.log10(np.abs(heard[0, 48_000:96_000] @ at) / 24_000 / 0.3) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("kind", "quality", "bits"), [("wav", "16", 16), ("wav", "24", 24), ("flac", "24", 24), ("flac", "16", 16)]
)
def test_a_file_says_its_bits(tmp_path: Path, kind: str, quality: str, bits: int) -> None:
    write(tmp_path / f"sound.{kind}", kind, 48_000, music(48_000, 2), quality)
    info = mutagen.File(tmp_path / f"sound.{kind}").info
    assert (info.bits_per_sample, info.sample_rate, info.channels) == (bits, 48_000, 2)


def test_the_codecs_are_those_that_the_names_say(tmp_path: Path) -> None:
    names = {}
    for kind in FORMS:
        write(tmp_path / kind, kind, 48_000, music(48_000, 2))
        with av.open(str(tmp_path / kind)) as container:
            names[kind] = container.streams.audio[0].codec_context.name
    assert names == {"flac": "flac", "wav": "pcm_s16le", "mp3": "mp3float", "opus": "opus", "ogg": "opus", "m4a": "aac"}


@pytest.mark.parametrize("kind", FORMS)
def test_the_same_sound_makes_the_same_bytes(tmp_path: Path, kind: str) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, kind, 48_000, music(48_000, 2))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_rate_becomes_one_that_the_codec_has(tmp_path: Path) -> None:
    rates = {("opus", 44_100): 48_000, ("mp3", 96_000): 48_000, ("mp3", 20_000): 22_050, ("wav", 96_000): 96_000}
    for (kind, rate), expected in rates.items():
        assert write(tmp_path / "sound", kind, rate, tone(440, 0.5, rate)).sample_rate_hz == expected
    sound = write(tmp_path / "sound", "wav", 48_000, tone(440, 1, 48_000), "16", to_rate_hz=44_100)
    assert sound.sample_rate_hz == 44_100
    heard, _ = decoded(tmp_path / "sound")
    assert heard.shape == (2, 44_100)
    assert np.abs(np.fft.rfft(heard[0])).argmax() == 440


def test_sixteen_bits_are_dithered_but_not_twice() -> None:
    quiet = tone(440, 1, 48_000, amplitude=0.4 / 32_768)
    whole = quantise(quiet, 16, np.random.default_rng(0)) / 32_768
    assert np.abs(np.fft.rfft(whole[0])).argmax() == 440  # under half a bit, and heard all the same
    assert not np.rint(quiet * 32_768).any()
    again = quantise(np.asarray(whole, np.float32), 16, np.random.default_rng(1)) / 32_768
    assert np.array_equal(whole, again)
    assert not quantise(np.zeros((2, 100), np.float32), 16, np.random.default_rng(0)).any()


def test_what_is_over_full_scale_is_clipped_and_counted(tmp_path: Path) -> None:
    sound = np.array([[0.5, 1.5, -2.0, 1.0]] * 2, np.float32)
    for kind, quality, clipped in (("wav", "16", 4), ("wav", "24", 4), ("wav", "32f", 0)):
        assert write(tmp_path / "sound", kind, 48_000, sound, quality).clipped_samples == clipped
        heard, _ = decoded(tmp_path / "sound")
        assert heard[0] == pytest.approx([0.5, 1, -1, 1] if clipped else sound[0], abs=1e-4)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def stop() -> None:
        with Encoder(tmp_path / "sound.mp3", "mp3", 48_000, 2) as encoder:
            encoder.write(tone(440, 1, 48_000))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "quality", "channels", "message"),
    [
        ("aiff", "", 2, "format is 'aiff'; allowed are flac, wav"),
        ("mp3", "24", 2, "quality is '24'; mp3 allows V0, 320k"),
        ("wav", "", 6, "6 channels"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    tmp_path: Path, kind: str, quality: str, channels: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Encoder(tmp_path / "sound", kind, 48_000, channels, quality)
    assert not list(tmp_path.iterdir())


def test_the_default_quality_is_the_first() -> None:
    assert json.dumps({kind: form_of(kind)[1] for kind in FORMS}) == json.dumps(
        {"flac": "24", "wav": "16", "mp3": "V0", "opus": "160k", "ogg": "160k", "m4a": "256k"}
    )
