"""What a text becomes for the composer."""

from __future__ import annotations

import pytest

from devserver.nodes.music.composer import compose
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Brief


def brief_of(text: str, instruments: str = "") -> Brief:
    return parse(text, MusicRequest(instruments=instruments), seconds=10, seed=1)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("ein düsterer Beat", "dark"),
        ("something uplifting", "bright"),
        ("ruhige Musik", "calm"),
        ("treibendes Stück", "energetic"),
        ("heavy reese", "energetic"),
        ("shell", "neutral"),
    ],
)
def test_moods_in_both_languages(text: str, mood: str) -> None:
    assert brief_of(text).mood == mood


@pytest.mark.parametrize(
    ("text", "voices", "muted"),
    [
        ("with piano and flute", {"chords": "piano", "lead": "flute"}, ()),
        ("piano and guitar", {"chords": "piano", "lead": "guitar"}, ()),
        ("electric piano", {"chords": "epiano"}, ()),
        ("a heavy reese bass", {"bass": "reese"}, ()),
        ("no drums", {}, ("drums",)),
        ("no beats", {}, ("drums",)),
        ("ohne Schlagzeug, mit Streichern", {"chords": "strings"}, ("drums",)),
        ("without bass or drums", {}, ("drums", "bass")),
        ("solo piano", {"chords": "piano", "lead": "piano"}, ("drums", "bass")),
        ("a guitar solo", {"chords": "guitar"}, ()),
    ],
)
def test_instruments(text: str, voices: dict[str, str], muted: tuple[str, ...]) -> None:
    brief = brief_of(text)
    assert (brief.voices, brief.muted) == (voices, muted)


@pytest.mark.parametrize(
    ("text", "voices", "away"),
    [
        ("rock without guitars", {"chords": "epiano", "lead": "flute"}, {"guitar", "power", "lead_guitar"}),
        ("rock without guitars, with organ", {"chords": "organ", "lead": "flute"}, {"guitar", "power", "lead_guitar"}),
        ("rock without flutes", {}, {"flute"}),
        ("jazz, no piano", {"chords": "organ"}, {"piano", "epiano"}),
    ],
)
def test_a_refused_instrument_is_replaced_and_its_part_plays_on(
    text: str, voices: dict[str, str], away: set[str]
) -> None:
    brief = brief_of(text)
    assert {part: voice for part, voice in brief.voices.items() if GENRES[brief.genre].voices[part] != voice} == voices
    assert not brief.muted
    song = compose(brief)
    assert {track.voice for track in song.tracks if track.notes}.isdisjoint(away)


def test_a_choir_is_sung_without_words() -> None:
    assert brief_of("orchestral with choir").voices["chords"] == "choir"
    assert brief_of("orchestral with choir").remarks == ()


def test_instruments_beside_the_text_come_first() -> None:
    assert brief_of("house with piano", "organ, no bass").voices == {"chords": "organ", "lead": "piano"}
    assert brief_of("house with piano", "organ, no bass").muted == ("bass",)


def test_what_is_set_goes_before_what_is_written() -> None:
    brief = parse(
        "techno at 130 bpm in C major", MusicRequest(genre="house", bpm=99, key="D minor"), seconds=10, seed=3
    )
    assert (brief.genre, brief.bpm, brief.key) == ("house", 99, "D minor")


def test_sections_metre_and_sound_reach_the_composer() -> None:
    brief = brief_of("warm 80s rock in 3/4 with lots of reverb: intro, verse, chorus, verse")
    assert brief.structure == ("intro", "verse", "chorus", "verse")
    assert (brief.time_signature, brief.era, brief.textures, brief.production) == (
        "3/4",
        "1980s",
        ("warm",),
        ("reverb",),
    )


def test_a_text_without_any_word_known_always_makes_the_same_style() -> None:
    briefs = [parse("test", MusicRequest(), seconds=10, seed=seed) for seed in (1, 2)]
    assert briefs[0].model_copy(update={"seed": 2}) == briefs[1]
    assert len({brief_of(text).genre for text in "abcdefghijklmnop"}) > 3
    assert briefs[0].bpm == GENRES[briefs[0].genre].bpm


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("house at 999 bpm", "'999 bpm' in the text is not used: a tempo is 30 to 300 bpm"),
        ("house with female vocals", "Nobody sings here: vocals (female) are left out."),
        ("house with tambourines", "No voice here plays tambourine."),
        ("two minutes of house", "The text says 120 seconds; the length is set to 10."),
        ("funk", "funk has no rules of its own here; the nearest genre that has is house."),
    ],
)
def test_what_cannot_be_had_is_remarked(text: str, remark: str) -> None:
    assert brief_of(text).remarks == (remark,)


def test_something_must_play() -> None:
    with pytest.raises(ValueError, match="nothing to play"):
        brief_of("no drums, no bass, no chords", "no lead")


def test_values_out_of_range_name_field_value_and_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"bpm is 12; allowed is 0 .* or 30 to 300"):
        parse("house", MusicRequest(bpm=12), seconds=10, seed=1)
    with pytest.raises(ValueError, match=r"genre is 'polkka'; allowed is auto or one of"):
        parse("house", MusicRequest(genre="polkka"), seconds=10, seed=1)
