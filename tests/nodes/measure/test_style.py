"""What a reference sounds like comes back as the fields and the words it could have been asked for with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from devserver.nodes import TABLE
from devserver.nodes.measure.style import Style, listen, style_of
from devserver.nodes.music.genres import GENRES
from devserver.nodes.prompting.brief import BriefValues
from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.read import read
from tests.nodes.conftest import defaults

RATE = 48_000


def rendered(prompt: str, seconds: float = 20.0, **asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The brief and the sound of a piece."""
    composer, player = TABLE["TonewrightCompose"], TABLE["TonewrightSynthesise"]
    (song,) = composer().run(**defaults(composer) | {"prompt": prompt, "seconds": seconds, "seed": 4} | asked)
    return json.loads(song)["brief"], player().run(song=song)["result"][0]


def style(sound: dict[str, Any]) -> Style:
    return style_of(listen(sound["waveform"][0], sound["sample_rate"], lambda: None))


@pytest.mark.parametrize(
    ("genre", "bpm", "key"),
    [("drum and bass", 174, "F minor"), ("house", 124, "D minor"), ("rock", 132, "E major"), ("waltz", 168, "G major")],
)
def test_a_render_gives_back_its_tempo_its_key_and_its_genre(genre: str, bpm: float, key: str) -> None:
    asked, sound = rendered(genre, bpm=float(bpm), key=key)
    found = style(sound)
    assert found.brief.bpm == pytest.approx(asked["bpm"], rel=0.01)
    assert asked["key"] in {found.brief.key, found.key_relative}
    assert found.brief.genre == genre
    assert found.genres[0].confidence > 0.5
    assert found.brief.duration_seconds == pytest.approx(20, abs=0.01)
    assert found.loudness_lufs == pytest.approx(-14, abs=1)


BRIEFS = [
    {"genre": genre, "bpm": bpm, "key": key, "moods": moods, "texture": texture, "duration_seconds": seconds}
    for genre, bpm, key, moods, texture, seconds in zip(
        GENRES,
        [174.0, 128.0, 122.5, None, 82.0, 104.3, 60.0, 140.0, 75.0, 180.0, None, 168.0, 111.0],
        [
            "A minor",
            "D# minor",
            None,
            "F# major",
            "G# minor",
            "B major",
            "C major",
            None,
            "A# minor",
            *("E major",) * 4,
        ],
        [("energetic",), ("calm",), None] * 5,
        [("bright", "dense", "spacious"), None, ("warm", "sparse"), ("deep",)] * 4,
        [30.0, 183.25, 7.5, None, 600.0] * 3,
        strict=False,
    )
]


@pytest.mark.parametrize("brief", [*BRIEFS, dict.fromkeys(BRIEFS[0])])
def test_the_parser_reads_the_words_back_to_the_same_fields(brief: dict[str, Any]) -> None:
    silent = style({"waveform": np.zeros((1, 2, RATE), np.float32), "sample_rate": RATE})
    told = silent.model_copy(update={"brief": BriefValues(**brief)})
    parsed = read(told.prompt)
    for name, value in brief.items():
        read_value = parsed.value(name)
        assert (tuple(read_value) if isinstance(read_value, list) else read_value) == value, told.prompt
    assert not parsed.unmatched


def test_moods_do_not_contradict_the_tempo() -> None:
    for prompt, bpm in (("drum and bass", 174.0), ("trap", 72.0), ("ambient", 60.0)):
        assert not read(style(rendered(prompt, bpm=bpm)[1]).prompt).conflicts


def test_a_render_is_asked_for_again_by_its_words() -> None:
    asked, sound = rendered("synthwave", bpm=100.0, key="C minor")
    words = style(sound).prompt
    again = parse_text(words)
    assert again.value("genre") == "synthwave"
    assert again.value("bpm") == pytest.approx(asked["bpm"], rel=0.01)
    assert again.value("duration_seconds") == 20


def test_noise_is_no_genre_and_has_no_tempo() -> None:
    noise = (0.1 * np.random.default_rng(8).standard_normal((1, 2, 12 * RATE))).astype(np.float32)
    found = style({"waveform": noise, "sample_rate": RATE})
    assert found.brief.genre is None
    assert found.brief.bpm is None
    assert sum(guess.confidence for guess in found.genres) < 0.5


def test_silence_says_so() -> None:
    found = style({"waveform": np.zeros((1, 1, RATE), np.float32), "sample_rate": RATE})
    assert found.genres == ()
    assert found.notes == ("The reference is silent.",)
    assert found.prompt == "1 seconds"


def test_energy_follows_onsets_and_brightness() -> None:
    calm, wild = (style(rendered(prompt)[1]).energy for prompt in ("ambient, no drums", "drum and bass"))
    assert wild > calm + 0.3


def test_a_batch_is_a_list_of_briefs() -> None:
    _, sound = rendered("house", seconds=5.0)
    both = {"waveform": np.concatenate([sound["waveform"], np.zeros_like(sound["waveform"])]), "sample_rate": RATE}
    brief, prompt = TABLE["TonewrightStyle"]().run(audio=both)["result"]
    assert len(json.loads(brief)) == 2
    assert len(prompt.splitlines()) == 2
