"""A song played piece by piece: what is heard does not depend on the pieces."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from devserver.nodes.music.composer import compose
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.mix import Desk, Mixdown, Rendering, mixdown, phrases
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import PARTS, Note, Part, Song, Track

Spans = list[tuple[int, int]]


def nothing(_share: float = 0.0) -> None: ...


def song(prompt: str, seconds: float = 12.0, seed: int = 1) -> Song:
    return compose(parse(prompt, MusicRequest(), seconds=seconds, seed=seed))


def rendered(piece: Song, spans: Spans) -> dict[Part, NDArray[np.float32]]:
    """The parts as they leave their channels, and the fades and noises of the desk on them."""
    rendering = Rendering(piece)
    desk = Desk(piece, dict.fromkeys(rendering.parts, 1.0))
    pieces = zip(spans, rendering.pieces(spans, nothing), strict=True)
    stems = [desk.balance(raw, start, stop - start)[1] for (start, stop), raw in pieces]
    return {part: np.concatenate([each[part] for each in stems], axis=1) for part in PARTS}


def cut(length: int, at: list[int]) -> Spans:
    return list(pairwise([0, *sorted(at), length]))


EVERYTHING = "techno with vinyl crackle, waves, tape saturation, 8-bit, dark, warm, delay, fade-in, sidechain, stereo"


@pytest.mark.parametrize("prompt", ["techno", "ambient", "orchestral", "rock", EVERYTHING])
def test_pieces_are_the_whole(prompt: str) -> None:
    piece = song(prompt)
    length = Rendering(piece).length
    whole = rendered(piece, cut(length, []))
    rng = np.random.default_rng(5)
    for at in ([1, 777, 48_000, 48_001], rng.integers(1, length, 9).tolist()):
        parts = rendered(piece, cut(length, at))
        for part in PARTS:
            np.testing.assert_allclose(parts[part], whole[part], atol=2e-5)


@pytest.mark.parametrize("genre", GENRES)
def test_phrases_cover_the_piece_and_the_first_is_short(genre: str) -> None:
    for seconds in (1.0, 7.3, 40.0, 200.0):
        piece = song(genre, seconds)
        spans = phrases(piece)
        assert spans[0][0] == 0
        assert spans[-1][1] == round(seconds * 48_000)
        assert all(one[1] == other[0] for one, other in pairwise(spans))
        lengths = [stop - start for start, stop in spans]
        assert lengths[0] <= 1.6 * 48_000
        assert max(lengths) <= 10 * 48_000
        assert min(lengths) > 4000


@lru_cache
def made(prompt: str, seconds: float = 12.0) -> Mixdown:
    return mixdown(song(prompt, seconds), nothing, nothing)


@pytest.mark.parametrize("genre", GENRES)
def test_no_seam_clicks(genre: str) -> None:
    """Where pieces meet the sound is no rougher than elsewhere: the second difference, against the 10 ms around."""
    piece = song(genre)
    for part in (*made(genre).stems.values(), made(genre).mix):
        rough = np.abs(np.diff(part, 2, axis=1)).max(axis=0)
        for _, seam in phrases(piece)[:-1]:
            around = np.concatenate([rough[seam - 480 : seam - 8], rough[seam + 8 : seam + 480]])
            assert rough[seam - 4 : seam + 3].max() <= 2 * around.max() + 1e-3


@pytest.mark.parametrize("genre", GENRES)
def test_parts_are_as_loud_as_guessed_from_the_score(genre: str) -> None:
    rendering = Rendering(song(genre, 30.0))
    guessed = rendering.guess_gains()
    for _ in rendering.pieces(phrases(rendering.song), nothing):
        pass
    measured = rendering.measure_gains()
    assert guessed.keys() == measured.keys()
    for part in guessed:
        assert abs(20 * np.log10(guessed[part] / measured[part])) < 5, part


def test_the_same_song_is_played_twice_alike() -> None:
    one, other = (mixdown(song("jazz", 6.0), nothing, nothing) for _ in range(2))
    assert one.mix.tobytes() == other.mix.tobytes()


def test_the_words_of_a_brief_are_heard() -> None:
    def level(hz: tuple[float, float], prompt: str) -> float:
        mix = made(prompt).mix.mean(axis=0, dtype=np.float64)
        power = np.abs(np.fft.rfft(mix)) ** 2
        frequencies = np.fft.rfftfreq(len(mix), 1 / 48_000)
        return float(10 * np.log10(power[(frequencies > hz[0]) & (frequencies < hz[1])].sum() / power.sum()))

    def width(prompt: str) -> float:
        left, right = made(prompt).mix
        return float((left - right).std() / (left + right).std())

    assert level((6000, 16_000), "house, bright, crisp") > level((6000, 16_000), "house, warm, muted") + 2
    assert width("house, mono") < 1e-3 < width("house") < width("house, stereo")
    quiet = made("ambient, fade-in").mix[:, :24_000].std() / made("ambient").mix[:, :24_000].std()
    assert quiet < 0.5


def test_two_tracks_of_one_voice_may_hold_a_pitch_for_different_times() -> None:
    piece = song("techno", seconds=4.0)
    short, long = Note(0.0, 0.25, 60, 90), Note(1.0, 4.0, 60, 90)
    one, other = (Track(part="lead", voice="saw_lead", notes=(note,)) for note in (short, long))
    both, first, second = (
        rendered(each, cut(Rendering(each).length, []))["lead"]
        for each in (piece.model_copy(update={"tracks": tracks}) for tracks in ((one, other), (one,), (other,)))
    )
    np.testing.assert_allclose(both, first + second, atol=2e-5)
