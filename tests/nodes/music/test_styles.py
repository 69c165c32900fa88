"""What a text's narrower style, era and words about sound do to the music."""

from __future__ import annotations

import pytest

from devserver.nodes.music.composer import compose
from devserver.nodes.music.drums import KITS
from devserver.nodes.music.feel import FEELS, apply_feel
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Song
from devserver.nodes.music.styles import ERAS, STYLES
from devserver.nodes.music.treatment import TREATMENTS, apply_treatments
from devserver.nodes.music.voices import VOICES
from devserver.nodes.prompting.wordlists import word_lists

KICK, SNARE = 36, 38


def song(text: str, seconds: float = 30.0, seed: int = 4) -> Song:
    return compose(parse(text, MusicRequest(), seconds=seconds, seed=seed))


def density(made: Song) -> float:
    return sum(len(track.notes) for track in made.tracks) / made.brief.seconds


def test_every_word_that_has_an_effect_can_be_said() -> None:
    tables = word_lists().tables
    assert set(STYLES) <= {style for _, style, _, _ in word_lists().genres}
    assert set(ERAS) <= set(tables["era"])
    assert set(FEELS) | set(TREATMENTS) <= set(tables["texture"]) | set(tables["production"])


@pytest.mark.parametrize("style", STYLES)
def test_a_style_makes_music_of_its_own(style: str) -> None:
    genre = next(name for name, row in GENRES.items() if _of(style, name) or row.words[0] == style)
    plain = parse("", MusicRequest(genre=genre), seconds=24, seed=3)
    own = plain.model_copy(update={"style": style})
    made = compose(own)
    assert made.tracks != compose(plain).tracks
    assert all(track.voice in (KITS if track.part == "drums" else VOICES) for track in made.tracks)


def _of(style: str, genre: str) -> bool:
    families = {family for family, _, _, _ in word_lists().genres}
    family = genre if genre in families else {"waltz": "folk"}.get(genre, "rock")
    return any(style == other for one, other, _, _ in word_lists().genres if one == family)


def test_sparse_is_less_and_dense_is_more() -> None:
    for genre in GENRES:
        plain, sparse, dense = (
            sum(density(song(f"{word} {genre}", seed=seed)) for seed in range(4)) for word in ("", "sparse", "dense")
        )
        assert sparse < plain < dense, genre


def test_the_beat_follows_the_words() -> None:
    def steps(made: Song, drum: int) -> set[int]:
        chorus = next(section for section in made.sections if section.name in {"chorus", "drop"})
        start = chorus.start_bar * 4
        return {
            round((note.start_beats - start) * 4) % 16
            for note in made.tracks[0].notes
            if note.pitch == drum and start <= note.start_beats + 0.1 < start + 8 and note.velocity > 90
        }

    assert {0, 4, 8, 12} <= steps(song("rock, four on the floor"), KICK)
    assert 8 in steps(song("half-time rock"), SNARE)
    assert not {4, 12} & steps(song("half-time rock"), SNARE)
    assert {2, 6} <= steps(song("double-time rock"), SNARE)


def test_articulation_is_heard_in_the_lengths() -> None:
    def length(text: str) -> float:
        notes = [note for track in song(text).tracks if track.part == "chords" for note in track.notes]
        return sum(note.duration_beats for note in notes) / len(notes)

    assert length("staccato orchestral music") < 0.7 * length("orchestral music")
    assert song("pizzicato strings, orchestral").tracks[2].voice != song("orchestral").tracks[2].voice


def test_filtered_chords_are_swept() -> None:
    assert len(song("filtered house").sweeps) > len(song("house").sweeps)


@pytest.mark.parametrize(("text", "chord"), [("dorian", "IV"), ("phrygian", "bII"), ("mixolydian", "bVII")])
def test_a_church_mode_is_heard_in_the_chords(text: str, chord: str) -> None:
    assert any(symbol.startswith(chord) for symbol in song(f"folk song in D {text}").chords)


def test_words_about_sound_reach_the_mix() -> None:
    def levels(text: str) -> object:
        return apply_treatments(parse(text, MusicRequest(), seconds=10, seed=1))

    plain = apply_treatments(parse("house", MusicRequest(), seconds=10, seed=1))
    assert (
        apply_treatments(parse("house with lots of reverb", MusicRequest(), seconds=10, seed=1)).reverb > plain.reverb
    )
    assert apply_treatments(parse("dry house", MusicRequest(), seconds=10, seed=1)).reverb < 0.5 * plain.reverb
    assert "crackle" in apply_treatments(parse("house with vinyl crackle", MusicRequest(), seconds=10, seed=1)).beds
    assert apply_treatments(parse("mono house", MusicRequest(), seconds=10, seed=1)).width == 0
    assert levels("wonky house") == plain


def test_what_has_no_effect_is_said() -> None:
    assert parse("house with a vocoder, dense", MusicRequest(), seconds=10, seed=1).remarks == (
        "Without effect here: vocoder.",
    )


def test_a_refused_voice_of_a_style_stays_away() -> None:
    brief = parse("funk without brass", MusicRequest(), seconds=10, seed=1)
    assert apply_feel(GENRES["house"], brief).voices["lead"] == "brass"
    assert all(track.voice != "brass" for track in compose(brief).tracks)
