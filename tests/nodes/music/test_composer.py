"""How a song is written."""

from __future__ import annotations

import pytest

from devserver.nodes.music.composer import compose
from devserver.nodes.music.drumming import DRUM_PITCHES
from devserver.nodes.music.form import plan
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.mix import Rendering
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Song
from devserver.nodes.music.theory import SCALES, Key, chord, voice_lead


def song(genre: str, seconds: float = 40.0, seed: int = 5, key: str = "auto") -> Song:
    return compose(parse("", MusicRequest(genre=genre, key=None if key == "auto" else key), seconds=seconds, seed=seed))


@pytest.mark.parametrize("seconds", [1.0, 3.0, 7.3, 29.9, 61.0, 185.0, 600.0])
@pytest.mark.parametrize("bpm", [30.0, 76.0, 174.0, 300.0])
def test_sections_follow_each_other_and_fill_the_length(seconds: float, bpm: float) -> None:
    sections = plan(seconds, bpm)
    ends = [section.start_bar + section.bars for section in sections]
    assert [section.start_bar for section in sections] == [0, *ends[:-1]]
    assert abs(ends[-1] * 240 / bpm - seconds) < 2 * 240 / bpm


@pytest.mark.parametrize("genre", GENRES)
def test_notes_stay_inside_the_song_and_mostly_in_the_key(genre: str) -> None:
    made = song(genre, key="D minor")
    end_beats = made.brief.seconds * made.brief.bpm / 60
    scale = {(2 + step) % 12 for step in SCALES["minor"]}
    for track in made.tracks:
        assert track.notes
        assert list(track.notes) == sorted(track.notes)
        assert max(note.start_beats + note.duration_beats for note in track.notes) <= end_beats + 1e-4
        if track.part != "drums":
            assert sum(note.pitch % 12 in scale for note in track.notes) > 0.75 * len(track.notes)


@pytest.mark.parametrize("genre", GENRES)
def test_a_song_survives_json(genre: str) -> None:
    made = song(genre)
    assert Song.from_json(made.to_json()) == made


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tonewright.song.1"}', "a poem"])
def test_what_is_no_song_is_said_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match="song is not a song from TonewrightCompose"):
        Song.from_json(text)


def test_an_unknown_voice_is_named_with_the_known_ones() -> None:
    made = song("house")
    bass = next(track for track in made.tracks if track.part == "bass")
    with pytest.raises(ValueError, match="voice of bass is 'kazoo'; allowed is one of reese"):
        Rendering(made.model_copy(update={"tracks": (bass.model_copy(update={"voice": "kazoo"}),)}))


def test_genres_do_not_sound_alike() -> None:
    one_bar = {
        genre: tuple((n.pitch, round(n.start_beats, 1)) for n in song(genre).tracks[0].notes[:24]) for genre in GENRES
    }
    assert len(set(one_bar.values())) == len(GENRES)


def test_chords_by_numeral() -> None:
    a_minor = Key.named("A minor")
    assert chord(a_minor, "i").pitch_classes == (9, 0, 4)
    assert chord(a_minor, "V7").pitch_classes == (4, 8, 11, 2)
    assert chord(a_minor, "bII").pitch_classes == (10, 2, 5)
    assert chord(Key.named("C major"), "vi9").pitch_classes == (9, 0, 4, 7, 11)
    with pytest.raises(ValueError, match="'H7' is not a chord"):
        chord(a_minor, "H7")


def test_voices_move_little_from_chord_to_chord() -> None:
    key = Key.named("C major")
    voicing: list[int] = []
    for symbol in ("I", "V", "vi", "IV", "I"):
        following = voice_lead(chord(key, symbol), voicing, 60, 4)
        if voicing:
            assert sum(abs(a - b) for a, b in zip(voicing, following, strict=True)) <= 12
        voicing = following


@pytest.mark.parametrize("genre", GENRES)
def test_every_pattern_of_the_table_can_be_read(genre: str) -> None:
    row = GENRES[genre]
    grooves = [line for groove in row.grooves for _, lanes in groove for line in lanes.values()]
    bass = [line for _, line in row.bass]
    layers = [layer.pattern for layer in row.layers]
    for line in [*grooves, *bass, *layers, *(line for _, line in row.comping), *row.melody.rhythms]:
        assert len(line) % (4 * row.beats_per_bar) == 0, line
        assert set(line) <= set(".-0123456789RA"), line
    assert {name for groove in row.grooves for _, lanes in groove for name in lanes} <= set(DRUM_PITCHES)
    assert {name for fill in row.fills for name in fill} <= set(DRUM_PITCHES)
    for mode in ("major", "minor"):
        for line in row.progressions[mode]:
            assert [chord(Key(0, mode), symbol) for symbol in line.split()]
    assert row.bpm_range[0] <= row.bpm <= row.bpm_range[1]
