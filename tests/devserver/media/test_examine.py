"""What is found in a file that was sent, and what ends the looking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devserver.media.examine import Examined, examine
from tests.doubles import odd_media

EVERY = {**odd_media.SOUNDS, **odd_media.FILMS, **odd_media.SILENT_SOUNDS, **odd_media.SILENT_FILMS}
WARNED = {
    "telephone.wav": "low_rate",
    "clipped.wav": "clipped",
    "loud.wav": "over_full_scale",
    "offset.wav": "dc_offset",
    "inverted.wav": "phase_inverted",
    "left only.wav": "one_sided",
    "gap.wav": "mostly_silent",
    "click.wav": "very_short",
    "silence.wav": "silent",
    "silent track.mp4": "silent",
    "quad.wav": "mixed_down",
    "twelve.wav": "mixed_down",
    "tracks.mka": "several_sounds",
}
MIMES = {
    "voice.caf": "audio/x-caf",
    "voice.au": "audio/basic",
    "voice.w64": "audio/x-w64",
    "voice.wv": "audio/x-wavpack",
    "voice.tta": "audio/x-tta",
    "voice.wma": "audio/x-ms-wma",
    "voice.ac3": "audio/ac3",
    "voice.voc": "audio/x-voc",
    "film.ts": "video/mp2t",
    "wrong name.flac": "audio/mpeg",
}
ALLOWED = {
    "slow.wav": "1000 to 768000 Hz",
    "beyond all measure.wav": "770 dB over full scale",
    "whole numbers.wav": "138 dB over full scale",
    "huge.png": "is too large",
}
CUT_OFF = [name for name in odd_media.REFUSED if name.startswith("cut off")]


def look(folder: Path, name: str, content: bytes) -> Examined:
    path = folder / "content"
    path.write_bytes(content)
    return examine(path, name, folder / "mix")


@pytest.mark.parametrize("name", EVERY)
def test_what_is_doubtful_is_said_and_nothing_else(tmp_path: Path, name: str) -> None:
    found = look(tmp_path, name, EVERY[name]())
    codes = {remark.code for remark in found.warnings}
    assert found.refusal is None
    assert WARNED.get(name) in codes or name not in WARNED
    if name.startswith(("voice", "fine", "film.", "odd", "piped")):
        assert codes == set()
    assert found.mime == MIMES.get(name, found.mime)
    assert (found.sound is None) == (name in ("no sound.mp4", "no sound.webm"))


def test_loud_music_is_not_called_clipped(tmp_path: Path) -> None:
    """A sine that just reaches full scale, as it comes out of a normaliser, also after a lossy codec."""
    sound = odd_media.tone(3, hz=60, level=1.0)  # its tops are flat over three samples
    for content in (odd_media.wav(sound), odd_media.wav(sound, bits=24), odd_media.encoded("mp3", "libmp3lame", sound)):
        assert look(tmp_path, "song", content).warnings == ()


@pytest.mark.parametrize("name", odd_media.REFUSED)
def test_what_cannot_be_used_is_refused_in_words(tmp_path: Path, name: str) -> None:
    refusal = look(tmp_path, name, odd_media.REFUSED[name]()).refusal
    assert refusal is not None
    assert refusal.status in (415, 422)
    assert refusal.hint
    assert str(tmp_path) not in refusal.words + refusal.hint
    assert "cut off" in refusal.words or name not in CUT_OFF
    assert ALLOWED.get(name, "") in refusal.words
    assert "NaN" in refusal.words or name not in ("not a number.wav", "infinite.wav")


def test_the_facts_of_a_sound_are_what_it_was_made_of(tmp_path: Path) -> None:
    sound = look(tmp_path, "", odd_media.wav(odd_media.tone(2, level=0.5), bits=24)).sound
    assert sound is not None
    assert (sound["seconds"], sound["sample_rate_hz"], sound["channels"]) == (2.0, 44_100, 2)
    assert sound["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert (sound["clipped_share"], sound["silent_share"]) == (0, 0)
    half = np.concatenate([odd_media.tone(1), 0 * odd_media.tone(3)], axis=1)
    sound = look(tmp_path, "", odd_media.wav(half)).sound
    assert sound is not None
    assert sound["silent_share"] == pytest.approx(0.75, abs=0.01)
