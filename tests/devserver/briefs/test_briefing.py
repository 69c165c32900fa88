"""What the words of a request become in its plan, up to the graphs that are compiled from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.build import SHIPPED
from devserver.briefs.briefing import fit_value, prepend_locked
from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.plan import Applied, Plan
from schemas.compiler import compile_graph, fill
from schemas.loader import load_tables
from schemas.model import Parameter
from schemas.values import from_json
from tests.acceptance.test_formats import write_tone
from tests.devserver.plans import plan

Parts = tuple[Definitions, Exports, Database]
SONG = "hard techno in Eb minor at 150 bpm, 3/4, sung in German by a woman, 45 seconds, 3 versions, seed 7"


@pytest.fixture
def parts(definitions: Definitions, exports: Exports, database: Database) -> Parts:
    return definitions, exports, database


def graph(made: Plan, take: int = 0, option: int = 0) -> dict[str, Any]:
    """The graph of a take as it is compiled before anything runs."""
    way = made.outputs[0].options[option]
    values = fill(from_json(way.takes[take]), {"text": "THE TEXT", "input_text": made.input_text})
    return compile_graph(way.chunk, way.graph, prepend_locked(values, way.brief))


def messages(made: Plan, option: int = 0) -> dict[str, str]:
    return {one.field: one.message for one in made.outputs[0].options[option].brief if one.message}


def test_a_song_by_ace_step_has_the_measures_of_its_description_in_its_graph(parts: Parts) -> None:
    made = plan(*parts, input_text="[verse]\nfor 90 seconds", output_config="acestep15_song", params={"prompt": SONG})
    coded, latent = graph(made)["5"]["inputs"], graph(made)["10"]["inputs"]
    wanted = {"bpm": 150, "keyscale": "D# minor", "timesignature": "3", "language": "de", "duration": 45.0, "seed": 7}
    assert {name: coded[name] for name in wanted} == wanted
    assert (latent["seconds"], coded["tags"], coded["lyrics"]) == (45.0, SONG, "THE TEXT")
    assert [graph(made, take)["7"]["inputs"]["seed"] for take in range(3)] == [7, 8, 9]
    assert len(made.outputs[0].options[0].takes) == 3
    assert messages(made) == {}


def test_a_text_that_describes_is_read_and_one_that_is_sung_is_not(parts: Parts) -> None:
    text = "90 seconds at 80 bpm"
    song = plan(*parts, input_text=text, output_config="acestep15_song")
    assert (song.outputs[0].brief, song.outputs[0].options[0].brief) == (None, ())
    assert graph(song)["10"]["inputs"]["seconds"] == 120
    tune = plan(*parts, input_text=text, output_config="acestep_instrumental")
    assert graph(tune)["17"]["inputs"]["seconds"] == 90
    assert graph(tune)["14"]["inputs"]["lyrics"] == "[instrumental]"
    assert graph(tune, option=1)["1"]["inputs"]["bpm"] == 80  # its fallback, which has a tempo
    picture = plan(*parts, input_text=text, output_config="cover_image")
    assert picture.outputs[0].brief is None


def test_each_way_to_make_it_has_limits_of_its_own(parts: Parts) -> None:
    made = plan(*parts, input_text="15 minutes of drone", output_config="acestep_instrumental")
    asked, fallback = made.outputs[0].options
    assert (asked.takes[0]["seconds"], fallback.takes[0]["seconds"]) == (900, 600)
    assert messages(made) == {}
    assert messages(made, 1) == {
        "duration_seconds": "The text asks for seconds 900 s; 600 s is used (1 to 600 s are allowed)."
    }


def test_words_go_before_a_preset_and_a_value_before_words(parts: Parts) -> None:
    asked: dict[str, Any] = {"output_config": "musicgen", "preset": "draft"}
    assert plan(*parts, **asked).outputs[0].options[0].takes[0]["seconds"] == 15
    assert plan(*parts, **asked, input_text="20 s").outputs[0].options[0].takes[0]["seconds"] == 20
    said = plan(*parts, **asked, input_text="20 s", params={"seconds": 5})
    assert [option.takes[0]["seconds"] for option in said.outputs[0].options] == [5] * len(said.outputs[0].options)


def test_a_seed_is_the_requests_then_the_words_then_drawn(parts: Parts) -> None:
    assert plan(*parts, input_text="jazz, seed 42").seed == 42
    assert plan(*parts, input_text="jazz, seed 42", seed=3).seed == 3
    assert plan(*parts, input_text="jazz, seed 42", brief=False).seed != 42
    assert plan(*parts, input_text="jazz, seed 42", seed="random").seed != 42
    assert plan(*parts, input_text="jazz, seed 42", brief={"seed": 5}).seed == 5


def test_a_film_of_music_is_as_long_as_its_words_say(parts: Parts) -> None:
    made = plan(*parts, input_text="a dub reggae of 12 seconds, 75 bpm", output_config="procedural_video")
    values = made.outputs[0].options[0].takes[0]
    assert (values["seconds"], values["bpm"]) == (12, 75)


def test_a_genre_that_is_named_brings_its_tempo_where_a_config_has_one_of_its_own(parts: Parts) -> None:
    asked: dict[str, Any] = {"output_config": "acestep15_song"}
    drum_and_bass = graph(plan(*parts, **asked, params={"prompt": "drum and bass"}))["5"]["inputs"]
    assert (drum_and_bass["bpm"], drum_and_bass["timesignature"], drum_and_bass["keyscale"]) == (174, "4", "C major")
    waltz = graph(plan(*parts, **asked, params={"prompt": "a slow waltz"}))["5"]["inputs"]
    assert waltz["timesignature"] == "3"
    nothing_named = graph(plan(*parts, **asked, params={"prompt": "a saxophone in the rain"}))["5"]["inputs"]
    assert nothing_named["bpm"] == 100
    assert (
        plan(*parts, input_text="drum and bass").outputs[0].options[0].takes[0]["bpm"] == 0
    )  # the composer's to choose


def test_a_genre_goes_with_the_text_unless_it_is_locked(parts: Parts) -> None:
    assert plan(*parts, input_text="techno with piano").outputs[0].options[0].takes[0]["genre"] == "auto"
    locked = {"genre": "house", "instruments": ["piano", "strings"], "moods": ["sad"]}
    made = plan(*parts, input_text="techno", brief=locked)
    values = made.outputs[0].options[0].takes[0]
    assert (values["genre"], values["instruments"]) == ("house", "piano, strings")
    origins = {one.field: one.origin for one in made.outputs[0].options[0].brief}
    assert origins == {"genre": "user", "instruments": "user", "moods": "user"}
    assert (messages(made), graph(made)["1"]["inputs"]["prompt"]) == ({}, "sad. THE TEXT")


@pytest.mark.parametrize(
    ("text", "config", "field", "told"),
    [
        (
            "jazz in 5/4",
            "acestep15_song",
            "time_signature",
            "time_signature 5/4, which is not among 2/4, 3/4, 4/4, 6/8",
        ),
        ("jazz sung by a man", "acestep_instrumental", "vocals", "give the words to be sung as lyrics"),
        ("jazz sung by a man", "stable_audio", "vocals", "vocals male is not used: Stable Audio sings nothing here"),
        ("jazz as opus", "acestep_instrumental", "format", "format opus is not used: ACE-Step instrumental makes mp3"),
        ("5 s of jazz", "acestep15_song", "duration_seconds", "asks for seconds 5 s; 10 s is used"),
        ("jazz at 92.5 bpm", "acestep15_song", "bpm", "bpm 92.5 bpm; 92 bpm is used"),
        ("jazz at 90 bpm, at 120 bpm", "acestep_instrumental", "bpm", "given twice"),
        ("jazz, 17 takes", "acestep_instrumental", "variations", "16 are made"),
    ],
)
def test_what_is_used_instead_is_told(parts: Parts, text: str, config: str, field: str, told: str) -> None:
    described: dict[str, Any] = {"params": {"prompt": text}} if config == "acestep15_song" else {"input_text": text}
    made = plan(*parts, **described, output_config=config)
    assert told in messages(made)[field]


@pytest.mark.parametrize(
    ("brief", "config", "prompt", "told"),
    [
        ({"bpm": 90, "era": "1980s"}, "stable_audio", "90 bpm, 1980s. THE TEXT", {}),
        ({"avoid": ["drums", "piano"]}, "procedural_instrumental", "no drums, no piano. THE TEXT", {}),
        ({"structure": ["verse", "chorus", "verse"]}, "musicgen", "verse, chorus, verse. THE TEXT", {}),
        ({"duration_seconds": 9}, "stable_audio", "THE TEXT", {}),
        (
            {"moods": ["sad", "make it zorgly"], "language": "de"},
            "stable_audio",
            "THE TEXT",
            {
                "moods": "moods sad, make it zorgly is not used: "
                "zorgly is not in the vocabulary; write it in the text.",
                "language": "language de is not used: Stable Audio has no parameter for language.",
            },
        ),
    ],
)
def test_a_locked_field_without_a_parameter_is_said_before_the_text(
    parts: Parts, brief: dict[str, Any], config: str, prompt: str, told: dict[str, str]
) -> None:
    """Only words that the parser knows: what is locked has not been through the safety stages."""
    made = plan(*parts, output_config=config, brief=brief)
    assert prompt in [value for node in graph(made).values() for value in node["inputs"].values()]
    assert messages(made) == told


def test_where_nothing_is_described_it_is_told(parts: Parts) -> None:
    made = plan(*parts, output_config="silence_mp3", brief={"era": "1980s"})
    assert messages(made) == {"era": "era 1980s is not used: Silence has no parameter for era."}


@pytest.mark.parametrize("text", ["a choir sings jazz", "instrumental jazz", "jazz"])
def test_voices_that_any_model_makes_are_no_trouble(parts: Parts, text: str) -> None:
    assert messages(plan(*parts, input_text=text, output_config="stable_audio")) == {}


@pytest.mark.parametrize(
    ("more", "format_", "used"),
    [
        ({}, "wav", "wav"),
        ({"formats": ["flac"]}, "flac", None),
        ({"params": {"format": "ogg"}}, "ogg", None),
        ({"brief": {"format": "m4a"}}, "m4a", "m4a"),
        ({"brief": False}, "mp3", None),
    ],
)
def test_the_format_is_the_words_where_the_request_says_none(
    parts: Parts, more: dict[str, Any], format_: str, used: str | None
) -> None:
    option = plan(*parts, input_text="jazz as wav", **more).outputs[0].options[0]
    assert option.takes[0]["format"] == format_
    assert next((one.used for one in option.brief if one.field == "format"), None) == used


def test_instrumental_is_a_mark_in_the_lyrics_where_they_are_open(parts: Parts) -> None:
    made = plan(*parts, input_text="an instrumental tune", output_config="acestep_instrumental")
    (mark,) = [one for one in made.outputs[0].options[0].brief if one.field == "vocals"]
    assert (mark.parameter, mark.used) == ("lyrics", "[instrumental]")
    given = {"lyrics": "[verse]\nla"}
    sung = plan(*parts, input_text="an instrumental tune", output_config="acestep_instrumental", params=given)
    assert graph(sung)["14"]["inputs"]["lyrics"] == "[verse]\nla"


def test_several_outputs_are_read_each_by_its_own_description(parts: Parts) -> None:
    params = {"generation_2.prompt": "funk, 95 bpm, two takes"}
    made = plan(
        *parts, input_text="9 seconds", output_config=["procedural_instrumental", "acestep15_song"], params=params
    )
    one, two = made.outputs
    assert (one.options[0].takes[0]["seconds"], len(one.options[0].takes)) == (9, 1)
    assert (two.options[0].takes[0]["bpm"], two.options[0].takes[0]["seconds"], len(two.options[0].takes)) == (
        95,
        120,
        2,
    )


WORDS = {"en": "x", "de": "x"}


def parameter(**given: Any) -> Parameter:
    return Parameter.model_validate({"name": "p", "description": WORDS, "sets": ["1.x"], **given})


@pytest.mark.parametrize(
    ("given", "value", "used", "is_told"),
    [
        ({"type": "float", "min": 1, "max": 10}, 5, 5.0, False),
        ({"type": "float", "min": 1, "max": 10}, 11, 10.0, True),
        ({"type": "float", "min": 1, "max": 10}, 0.5, 1.0, True),
        ({"type": "int", "min": 1, "max": 10}, 5.4, 5, True),
        ({"type": "int", "min": 1, "max": 10}, 5.0, 5, False),
        ({"type": "choice", "choices": ["Db major", "A minor"]}, "C# major", "Db major", False),
        ({"type": "choice", "choices": ["2", "3"]}, "3/4", "3", False),
        ({"type": "choice", "choices": ["2", "3"]}, "5/4", None, True),
        ({"type": "string"}, "house", "house", False),
    ],
)
def test_a_value_is_made_to_fit(given: dict[str, Any], value: Any, used: Any, is_told: bool) -> None:
    found, message = fit_value(parameter(**given), value)
    assert (found, type(found), bool(message)) == (used, type(used), is_told)


def test_a_plan_keeps_it_through_json(parts: Parts) -> None:
    made = plan(*parts, input_text="12 s in A minor")
    again = Plan.model_validate_json(made.model_dump_json(by_alias=True))
    assert again == made
    assert all(isinstance(one, Applied) for one in again.outputs[0].options[0].brief)


def test_a_format_that_is_made_from_the_main_file_may_be_asked_for_in_words(parts: Parts, tmp_path: Path) -> None:
    folders = [SHIPPED, write_tone(tmp_path)]
    own = Definitions(folders, load_tables(folders))
    made = plan(own, *parts[1:], input_text="a tone, as opus", output_config="tone")
    assert [stage.name for stage in made.media] == ["generation", "generation_opus"]
    assert messages(made) == {}
    asked = plan(own, *parts[1:], input_text="a tone, as opus", output_config="tone", formats=["flac"])
    assert [stage.name for stage in asked.media] == ["generation"]
