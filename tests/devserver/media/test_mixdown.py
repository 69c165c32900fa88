"""Many channels as stereo: which channel goes where, how loud, and how exactly."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest

from devserver.media.examine import Examined, examine
from devserver.media.mixdown import mix_matrix
from devserver.nodes.studio.decode import decode_blocks
from tests.doubles import odd_media

HALF = math.sqrt(0.5)
L, R, C, LFE, LS, RS = range(6)


def mixed(folder: Path, content: bytes) -> tuple[Examined, odd_media.Sound]:
    source, target = folder / "source", folder / "mix"
    source.write_bytes(content)
    found = examine(source, "song.wav", target)
    return found, np.concatenate([block for block, _ in decode_blocks(target)], axis=1)


def test_the_shares_are_those_of_bs_775() -> None:
    expected = [[1, 0], [0, 1], [HALF, HALF], [0, 0], [HALF, 0], [0, HALF]]
    assert pytest.approx(np.array(expected)) == mix_matrix(["FL", "FR", "FC", "LFE", "SL", "SR"]).T
    assert pytest.approx(np.array([[1, 0], [0, 1], [0.5, 0.5]])) == mix_matrix(["FL", "FR", "BC"]).T
    assert pytest.approx(np.array(expected)) == mix_matrix(["NONE"] * 6).T
    assert pytest.approx(np.full((12, 2), 12**-0.5)) == mix_matrix(["NONE"] * 12).T


@pytest.mark.parametrize("mask", [0x3F, 0x60F, None])
@pytest.mark.parametrize("level", [0.2, 0.9])
def test_what_is_written_is_the_sum_and_never_clips(tmp_path: Path, level: float, mask: int | None) -> None:
    sound = odd_media.tone(channels=6, level=level)
    found, made = mixed(tmp_path, odd_media.wav(sound, bits=24, mask=mask))
    left = sound[L] + HALF * (sound[C] + sound[LS])
    right = sound[R] + HALF * (sound[C] + sound[RS])
    expected = np.stack([left, right])
    peak = float(np.abs(expected).max())
    gain = min(1.0, (1 - 2**-15) / peak)
    assert made == pytest.approx(expected * gain, abs=2e-6)
    assert float(np.abs(made).max()) < 1
    (told,) = [remark.message for remark in found.warnings if remark.code == "mixed_down"]
    assert ("softer" in told) == (level == 0.9)
    assert "LFE channel is left out" in told or mask is None


def test_a_mono_sound_in_many_channels_is_heard_on_both_sides(tmp_path: Path) -> None:
    one = odd_media.tone(channels=1)
    _, made = mixed(tmp_path, odd_media.wav(np.repeat(one, 6, axis=0), mask=0x3F))
    assert made[0] == pytest.approx(made[1])
    assert float(np.abs(made).max()) > 0.99


def test_sound_in_the_low_frequency_channel_alone_leaves_nothing(tmp_path: Path) -> None:
    sound = odd_media.tone(channels=6) * np.array([[0], [0], [0], [1], [0], [0]], np.float32)
    found, _ = mixed(tmp_path, odd_media.wav(sound, mask=0x3F))
    assert {remark.code for remark in found.warnings} == {"mixed_down", "silent"}


def test_the_mix_of_a_film_has_its_rate_and_length(tmp_path: Path) -> None:
    found, made = mixed(tmp_path, odd_media.FILMS["film of surround.mkv"]())
    with av.open(str(tmp_path / "mix")) as file:
        assert file.streams.audio[0].rate == 44_100
    assert found.sound is not None
    assert made.shape[1] / 44_100 == pytest.approx(found.sound["seconds"], abs=1e-4)
