"""Pictures and peaks of sounds whose shape is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from devserver.media.drawing import (
    HIGHEST_HZ,
    INK,
    LOWEST_HZ,
    PEAK_POINTS,
    SPECTROGRAM_SIZE,
    WAVEFORM_SIZE,
    draw,
)
from devserver.media.drawing_kinds import NoSound
from tests.devserver.media_files import write_audio, write_image, write_video
from tests.doubles import odd_media


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_peaks_of_a_long_and_of_a_short_sound_have_the_points_that_they_can(tmp_path: Path) -> None:
    for seconds, points in ((3.0, PEAK_POINTS), (0.01, 480)):
        draw(write_audio(tmp_path / "a.wav", seconds, 0.5), tmp_path / "a.json", "peaks.json")
        told = json.loads((tmp_path / "a.json").read_bytes())
        assert told["length"] == pytest.approx(points, abs=30)
        assert (max(told["data"]), min(told["data"])) == (pytest.approx(64, abs=1), pytest.approx(-64, abs=1))


@pytest.mark.parametrize("level", [1.0, 0.5, 0.0])
def test_the_ink_of_a_waveform_is_as_high_as_the_sound_is_loud(tmp_path: Path, level: float) -> None:
    draw(write_audio(tmp_path / "a.wav", 2.0, level), tmp_path / "a.png", "waveform.png")
    drawn = picture(tmp_path / "a.png")
    assert drawn.shape == (WAVEFORM_SIZE[1], WAVEFORM_SIZE[0], 4)
    inked = (drawn == INK).all(axis=-1)
    assert (drawn[~inked] == 0).all()
    assert inked[:, 400:1200].sum(axis=0).max() == pytest.approx(level * WAVEFORM_SIZE[1], abs=4)


def test_the_brightest_row_of_a_tone_is_its_own_frequency_from_start_to_end(tmp_path: Path) -> None:
    draw(write_audio(tmp_path / "a.wav", 2.0), tmp_path / "a.png", "spectrogram.png")
    drawn = picture(tmp_path / "a.png")
    assert drawn.shape == (SPECTROGRAM_SIZE[1], SPECTROGRAM_SIZE[0], 3)
    rows = drawn.sum(axis=-1).argmax(axis=0)
    found = HIGHEST_HZ * (LOWEST_HZ / HIGHEST_HZ) ** (rows / (SPECTROGRAM_SIZE[1] - 1))
    assert found[10:-10] == pytest.approx(440, rel=0.03)


def test_a_tone_that_stops_leaves_the_rest_dark(tmp_path: Path) -> None:
    sound = np.concatenate([odd_media.tone(1), 0 * odd_media.tone(3)], axis=1)
    (tmp_path / "a.wav").write_bytes(odd_media.wav(sound))
    draw(tmp_path / "a.wav", tmp_path / "a.png", "spectrogram.png")
    bright = picture(tmp_path / "a.png").sum(axis=-1).max(axis=0)
    quarter = SPECTROGRAM_SIZE[0] // 4
    assert bright[: quarter - 40].min() > 400
    assert bright[quarter + 40 :].max() < 40


def test_the_sound_of_a_film_is_drawn(tmp_path: Path) -> None:
    draw(write_video(tmp_path / "a.mp4"), tmp_path / "not" / "a.json", "peaks.json")
    assert (tmp_path / "not" / "a.json").is_file()


@pytest.mark.parametrize("what", ["peaks.json", "waveform.png", "spectrogram.png"])
def test_what_has_no_sound_is_told_and_leaves_no_file(tmp_path: Path, what: str) -> None:
    (tmp_path / "torn.wav").write_text("no sound")
    sources = [
        tmp_path / "torn.wav",
        write_video(tmp_path / "silent.mp4", sound=False),
        write_image(tmp_path / "a.png"),
    ]
    for source in sources:
        with pytest.raises(NoSound, match=rf"^{source.name} (cannot be decoded|has no sound)"):
            draw(source, tmp_path / "drawn", what)  # type: ignore[arg-type]
    assert not (tmp_path / "drawn").exists()
