"""What decoding a file finds, whatever its header claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from devserver.media import measure as measuring
from devserver.media.measure import LOWEST_DBFS, Truncated, Undecodable, measure
from tests.devserver.media_files import write_audio, write_image, write_video
from tests.doubles import odd_media


@pytest.mark.parametrize(("level", "dbfs"), [(1.0, 0.0), (0.5, -6.02), (0.0, LOWEST_DBFS)])
def test_a_sound_has_the_length_and_the_peak_that_its_samples_have(tmp_path: Path, level: float, dbfs: float) -> None:
    (tmp_path / "a.wav").write_bytes(odd_media.wav(odd_media.tone(0.5, level=level), bits=24))
    found = measure(tmp_path / "a.wav")
    assert (found.seconds, found.sample_rate_hz, found.channels, found.codec) == (0.5, 44_100, 2, "pcm_s24le")
    assert found.peak_dbfs == pytest.approx(dbfs, abs=0.01)


def test_samples_at_full_scale_are_counted_over_all_channels(tmp_path: Path) -> None:
    sound = np.zeros((2, 1000), np.float32)
    sound[0, 3:6] = sound[1, 9] = 1.0
    (tmp_path / "a.wav").write_bytes(odd_media.wav(sound))
    assert measure(tmp_path / "a.wav").clipped_samples == 4


def test_a_film_has_the_length_of_its_sound_and_the_size_of_its_picture(tmp_path: Path) -> None:
    found = measure(write_video(tmp_path / "a.mp4"))
    assert (found.codec, found.width, found.height) == ("aac", 64, 48)
    assert found.seconds == pytest.approx(1.0, abs=0.05)
    silent = measure(write_video(tmp_path / "b.mp4", sound=False))
    assert (silent.codec, silent.sample_rate_hz) == ("h264", None)
    assert silent.seconds == pytest.approx(1.0)


@pytest.mark.parametrize("ext", ["flac", "m4a"])
def test_a_sound_that_ends_before_its_header_says_is_cut_off(tmp_path: Path, ext: str) -> None:
    path = write_audio(tmp_path / f"a.{ext}", 4.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((Truncated, Undecodable)) as wrong:
        measure(path)
    if isinstance(wrong.value, Truncated):
        assert wrong.value.seconds < wrong.value.declared_seconds == pytest.approx(4.0, abs=0.1)


def test_whoever_hears_it_gets_every_sample(tmp_path: Path) -> None:
    heard: list[int] = []
    measure(write_audio(tmp_path / "a.wav", 0.5), hear=lambda _, block: heard.append(block.shape[1]))
    assert sum(heard) == 24_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (odd_media.wav(odd_media.tone(0.01) * 0, bits=32)[:44], "no_samples"),
        (odd_media.REFUSED["not a number.wav"](), "no_numbers"),
        (b"RIFF\x20\0\0\0WAVEnonsense", "damaged"),
    ],
    ids=["no samples", "no numbers", "damaged"],
)
def test_what_is_wrong_with_a_sound_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(Undecodable) as wrong:
        measure(tmp_path / "a.wav")
    assert wrong.value.reason == reason


def test_a_picture_may_have_so_many_pixels_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(tmp_path / "a.png")
    monkeypatch.setattr(measuring, "PIXEL_LIMIT", 32 * 16)
    assert (measure(path).width, measure(path).height, measure(path).codec) == (32, 16, "png")
    monkeypatch.setattr(measuring, "PIXEL_LIMIT", 32 * 16 - 1)
    with pytest.raises(Undecodable, match="32 x 16 pixels are more than can be taken in") as wrong:
        measure(path)
    assert wrong.value.reason == "too_large"


def test_a_picture_is_decoded_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 80).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(Undecodable):
        measure(path)


@pytest.mark.parametrize(("name", "good", "bad"), [("a.json", b"[1]", b"[1"), ("a.mid", None, b"MThd\0\0")])
def test_a_document_is_read_and_is_one(tmp_path: Path, name: str, good: bytes | None, bad: bytes) -> None:
    path = tmp_path / name
    if good is not None:
        path.write_bytes(good)
        assert measure(path, name).kind.ext == "json"
    path.write_bytes(bad)
    with pytest.raises(Undecodable):
        measure(path, name)


def test_a_working_copy_is_known_by_its_own_name(tmp_path: Path) -> None:
    value: Any = {"a": 1}
    (tmp_path / "copy").write_text(json.dumps(value))
    assert measure(tmp_path / "copy", "data.json").kind.ext == "json"
