from __future__ import annotations

from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.errors import InputError
from devserver.stages.graph.formats import check_others, conversion, convertible, formats_to_convert, main_format
from devserver.stages.walk import Walk
from schemas.model import GraphChunk

ALL = ["flac", "wav", "mp3", "opus", "ogg", "m4a"]


@pytest.fixture
def song(definitions: Definitions) -> GraphChunk:
    """A chunk that can save its sound in several formats."""
    return definitions.catalog.graph_chunk("procedural_instrumental")


@pytest.fixture
def silence(definitions: Definitions) -> GraphChunk:
    """A chunk that saves an MP3 and nothing else."""
    return definitions.catalog.graph_chunk("silence_mp3")


@pytest.mark.parametrize(
    ("formats", "saved"),
    [
        ([], None),
        (["mp3"], "mp3"),
        (["mp3", "mp3"], "mp3"),
        (["mp3", "wav"], "wav"),
        (["wav", "flac"], "wav"),
        (["mp3", "opus"], "flac"),
        (["aiff"], None),
    ],
)
def test_one_format_is_what_the_file_is_saved_as_and_several_are_made_of_one_without_loss(
    song: GraphChunk, formats: list[str], saved: str | None
) -> None:
    assert main_format(song, {}, formats) == ({"format": saved} if saved else {})


def test_the_requests_own_value_is_stronger(song: GraphChunk, silence: GraphChunk) -> None:
    assert main_format(song, {"format": "mp3"}, ["wav"]) == {}
    assert main_format(song, {"format": None}, ["wav"]) == {"format": "wav"}
    assert main_format(silence, {}, ["wav"]) == {}


def test_the_further_formats_are_those_that_the_file_is_not_each_once(song: GraphChunk) -> None:
    assert formats_to_convert(song, "song", {"format": "wav"}, ["mp3", "wav", "mp3", "opus"], ALL) == ["mp3", "opus"]
    assert formats_to_convert(song, "song", {"format": "mp3"}, ["mp3"], ALL) == []


@pytest.mark.parametrize(
    ("saved", "formats", "value", "allowed"),
    [("wav", ["aiff"], "aiff", ALL), ("mp3", ["mp3", "opus"], "opus", ["mp3"])],
)
def test_a_format_that_nobody_makes_or_that_has_lost_too_much_is_refused_with_what_may_be(
    song: GraphChunk, saved: str, formats: list[str], value: str, allowed: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        formats_to_convert(song, "song", {"format": saved}, formats, ALL)
    assert (refused.value.field, refused.value.value, refused.value.allowed) == ("formats", value, allowed)


def test_a_film_is_asked_for_in_its_own_format_alone(definitions: Definitions) -> None:
    film = definitions.catalog.graph_chunk("procedural_video")
    assert formats_to_convert(film, "film", {}, ["mp3"], ALL) == []
    check_others([film], "film", list(film.formats(film.main)) if film.main else [])
    with pytest.raises(InputError):
        check_others([film], "film", ["mp3"])


def test_where_one_of_several_makes_a_sound_its_stage_says_what_is_allowed(
    definitions: Definitions, silence: GraphChunk
) -> None:
    check_others([definitions.catalog.graph_chunk("procedural_video"), silence], "both", ["aiff"])


def test_a_conversion_reads_every_take_of_its_source_and_is_nothing_new(definitions: Definitions, walk: Walk) -> None:
    source: Any = walk.plan.media[0]
    takes = source.output.options[0].takes * 2
    option = source.output.options[0].model_copy(update={"takes": takes})
    source = source.model_copy(update={"output": source.output.model_copy(update={"options": (option,), "number": 2})})
    made = conversion(definitions.catalog, source, "opus")
    assert (made.name, str(made.inputs["audio"])) == ("generation_opus", "generation.main")
    assert [take["format"] for take in made.output.options[0].takes] == ["opus", "opus"]
    assert (made.output.asked, made.output.converts, made.output.number) == (False, True, 2)
    assert made.output.options[0].at_home


def test_what_is_made_here_is_what_the_chunk_offers(definitions: Definitions) -> None:
    assert convertible(definitions.catalog) == ALL
