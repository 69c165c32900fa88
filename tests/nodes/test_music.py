"""It is the music that was asked for, told from the sound alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Make = Callable[..., Any]
Sound = NDArray[np.float32]

PROMPTS = {
    "dark drum and bass at 174 bpm in A minor": (174, "A minor"),
    "Techno, 128 bpm, f-Moll, treibend": (128, "F minor"),
    "sunny house, 122 bpm, C major": (122, "C major"),
    "chill lo-fi beat, 80 bpm, in E major, with piano": (80, "E major"),
    "synthwave at 104 bpm in F# minor": (104, "F# minor"),
    "Rock in Es-Dur mit 140 bpm": (140, "D# major"),
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_asked_tempo_and_key_are_heard_in_an_mp3(piece: Make, mp3: Make, heard: Make, prompt: str) -> None:
    bpm, key = PROMPTS[prompt]
    made = piece(prompt, 24.0)
    report = heard(mp3(made.mix))

    assert min(abs(report[name] / bpm - 1) for name in ("bpm", "bpm_half", "bpm_double")) < 0.01
    assert key in {report["key"], report["key_relative"]}
    assert report["clipped_samples"] == 0
    assert report["silence_seconds"] < 1
    assert abs(report["loudness_lufs"] + 14) < 1.5
    playing = [name for name, sound in made.sounds.items() if name != "mix" and np.sqrt((sound**2).mean()) > 0.005]
    assert len(playing) >= 3


@pytest.mark.parametrize("prompt", ["drum and bass", "lo-fi hip hop", "techno"])
def test_drums_lie_on_the_grid(piece: Make, prompt: str) -> None:
    made = piece(prompt, 24.0)
    step = 60 / made.song["brief"]["bpm"] / 4
    late = made.song["swing_delay_beats"] * 60 / made.song["brief"]["bpm"]
    grid = np.concatenate([np.arange(0, 24, 2 * step), np.arange(step, 24, 2 * step) + late])

    onsets = _onsets_seconds(made.sounds["drums"])

    assert len(onsets) > 30
    distance = np.abs(onsets[:, np.newaxis] - grid).min(axis=1)
    assert np.median(distance) < 0.006
    assert np.quantile(distance, 0.9) < 0.015  # the swung sixteenths too
    assert np.median(np.abs(onsets[:, np.newaxis] + step / 3 - grid).min(axis=1)) > 0.015  # the measure can fail


@pytest.mark.parametrize("seconds", [1, 7.3, 30, 61])
def test_the_length_is_exact_and_the_end_is_no_cut(piece: Make, seconds: float) -> None:
    made = piece("ambient", seconds)

    for sound in made.sounds.values():
        assert sound.shape == (2, round(seconds * 48_000))
        assert sound.dtype == np.float32
    assert np.abs(made.mix[:, -100:]).max() < 1e-3
    assert np.abs(made.mix[:, : 48_000 // 2]).max() > 0.01


def test_the_stems_add_up_to_the_mix(piece: Make) -> None:
    made = piece("house")
    total = sum(made.sounds[name].astype(np.float64) for name in ("drums", "bass", "chords", "lead"))
    np.testing.assert_allclose(total, made.mix, atol=1e-6)


def test_another_seed_is_another_piece_in_the_same_style(piece: Make) -> None:
    one, other = piece("trap"), piece("trap", seed=2)
    assert {**one.song["brief"], "seed": 0} == {**other.song["brief"], "seed": 0}
    assert one.song["tracks"] != other.song["tracks"]
    assert not np.array_equal(one.mix, other.mix)


def test_a_muted_part_is_silent_and_the_others_play(piece: Make) -> None:
    made = piece("synthwave without drums")
    assert not made.sounds["drums"].any()
    assert all(made.sounds[name].any() for name in ("bass", "chords", "lead"))


@pytest.mark.parametrize(
    "prompt", ["rock, only flute", "synthwave, just drums", "techno, solo piano", "house, only bass"]
)
def test_a_part_alone_plays_from_the_beginning(piece: Make, heard: Make, prompt: str) -> None:
    report = heard(piece(prompt, 16.0).mix)
    assert report["silence_seconds"] < 8
    assert np.abs(piece(prompt, 16.0).mix[:, :48_000]).max() > 0.05


def test_the_drop_is_louder_than_the_intro(piece: Make) -> None:
    made = piece("dark drum and bass at 174 bpm in A minor", 24.0)
    sections = {section["name"]: section for section in made.song["sections"]}
    levels = {}
    for name in ("intro", "drop"):
        start, bars = sections[name]["start_bar"], sections[name]["bars"]
        bar_samples = 4 * 60 / 174 * 48_000
        levels[name] = made.mix[:, round(start * bar_samples) : round((start + bars) * bar_samples)].std()
    assert levels["drop"] > 1.3 * levels["intro"]


def _onsets_seconds(sound: Sound) -> NDArray[np.float64]:
    """Moments where the level of 1 ms blocks jumps to thrice what the 20 ms before held."""
    block = np.abs(sound).max(axis=0)[: sound.shape[1] // 48 * 48].reshape(-1, 48).max(axis=1)
    before = np.lib.stride_tricks.sliding_window_view(block, 20)[:-1].max(axis=1)
    at = np.flatnonzero((block[20:] > 3 * before) & (block[20:] > 0.04 * block.max())) + 20
    return at[np.diff(at, prepend=-100) > 40] / 1000
