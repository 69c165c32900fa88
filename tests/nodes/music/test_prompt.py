"""What is read from a text."""

from __future__ import annotations

import pytest

from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.prompt import Asked, bpm_in, genre_in, instruments_in, key_in, mood_in, parse


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("in A minor", "A minor"),
        ("a ballad in a minor", "A minor"),
        ("F# major", "F# major"),
        ("F sharp minor", "F# minor"),
        ("B flat major", "A# major"),
        ("Eb-minor", "D# minor"),
        ("in Cm", "C minor"),
        ("Stück in a-Moll", "A minor"),
        ("C-Dur", "C major"),
        ("fis moll", "F# minor"),
        ("Es-Dur", "D# major"),
        ("B-Dur", "A# major"),
        ("H-Moll", "B minor"),
    ],
)
def test_keys_in_english_and_german(text: str, name: str) -> None:
    key = key_in(text)
    assert key is not None
    assert key.name == name


@pytest.mark.parametrize("text", ["a major hit", "in a minor key", "a minor detail", "no key", "Ammoniak", ""])
def test_words_that_are_no_key(text: str) -> None:
    assert key_in(text) is None


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("174 bpm", 174),
        ("at 92.5BPM", 92.5),
        ("120-bpm", 120),
        ("mit 90,5 Schläge pro Minute", 90.5),
        ("v2.174 bpm", None),
        ("9 bpm", None),
    ],
)
def test_tempos(text: str, bpm: float | None) -> None:
    assert bpm_in(text) == bpm


@pytest.mark.parametrize(
    ("text", "genre"),
    [
        ("liquid drum & bass", "drum and bass"),
        ("deep house", "house"),
        ("trap hip hop", "lo-fi hip hop"),
        ("lofi beats", "lo-fi hip hop"),
        ("Entspannungsmusik", "ambient"),
        ("the housekeeper", None),
    ],
)
def test_genres(text: str, genre: str | None) -> None:
    assert genre_in(text) == genre


def test_moods_in_both_languages() -> None:
    assert mood_in("ein düsterer Beat") == "dark"
    assert mood_in("something uplifting") == "bright"
    assert mood_in("ruhige Musik") == "calm"
    assert mood_in("treibendes Stück") == "energetic"
    assert mood_in("shell") is None


@pytest.mark.parametrize(
    ("text", "voices", "muted"),
    [
        ("with piano and flute", {"chords": "piano", "lead": "flute"}, ()),
        ("piano and guitar", {"chords": "piano", "lead": "guitar"}, ()),
        ("electric piano", {"chords": "epiano"}, ()),
        ("no drums", {}, ("drums",)),
        ("ohne Schlagzeug, mit Streichern", {"chords": "strings"}, ("drums",)),
        ("without bass or drums", {}, ("drums", "bass")),
        ("solo piano", {"chords": "piano", "lead": "piano"}, ("drums", "bass")),
        ("heavy bass guitar", {}, ()),
    ],
)
def test_instruments(text: str, voices: dict[str, str], muted: tuple[str, ...]) -> None:
    assert instruments_in(text) == (voices, muted)


def test_what_is_set_goes_before_what_is_written() -> None:
    brief = parse("techno at 130 bpm in C major", Asked(genre="house", bpm=99, key="D minor"), seconds=10, seed=3)
    assert (brief.genre, brief.bpm, brief.key) == ("house", 99, "D minor")


def test_a_text_without_any_word_known_always_makes_the_same_style() -> None:
    briefs = [parse("test", Asked(), seconds=10, seed=seed) for seed in (1, 2)]
    assert briefs[0].model_copy(update={"seed": 2}) == briefs[1]
    assert len({parse(text, Asked(), seconds=10, seed=1).genre for text in "abcdefghijklmnop"}) > 3
    assert briefs[0].bpm == GENRES[briefs[0].genre].bpm


def test_a_tempo_that_no_music_has_is_remarked() -> None:
    assert parse("house at 999 bpm", Asked(), seconds=10, seed=1).remarks == (
        "'999 bpm' in the text is not used: a tempo is 30 to 300 bpm",
    )


def test_something_must_play() -> None:
    with pytest.raises(ValueError, match="nothing to play"):
        parse("no drums, no bass, no chords", Asked(instruments="no lead"), seconds=10, seed=1)


def test_a_tempo_out_of_range_names_field_value_and_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"bpm is 12; allowed is 0 .* or 30 to 300"):
        parse("house", Asked(bpm=12), seconds=10, seed=1)
