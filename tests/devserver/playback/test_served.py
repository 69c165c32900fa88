from __future__ import annotations

from devserver.playback.served import find_role, name_stems, pick
from tests.doubles.entities import make_entity

STEM = make_entity("06_stem_drums.flac", role="stem", number=6, facts={"seconds": 2.5})
TAKE = make_entity("08_take_2.mp3", role="take", number=8)
MAIN = make_entity("09_output.mp3", number=9)
FILM = make_entity("10_film.mp4", media="video", role="data", number=10)
FILES = [STEM, TAKE, MAIN, FILM]


def test_the_main_file_of_a_medium_is_served_else_its_lowest() -> None:
    assert (pick(FILES, "audio", None), pick(FILES, "video", None), pick(FILES, "image", None)) == (MAIN, FILM, None)
    assert pick([STEM, TAKE], "audio", None) == STEM


def test_an_index_counts_the_files_of_the_medium_from_0_and_never_from_the_end() -> None:
    assert [pick(FILES, "audio", index) for index in (0, 2, 3, -1)] == [STEM, MAIN, None, None]


def test_an_outline_is_that_of_the_sound_that_is_served() -> None:
    sound = make_entity(stage="master")
    outlines = [make_entity(f"{stage}.json", media="file", role="peaks", stage=stage) for stage in ("first", "master")]
    assert find_role([*outlines, sound], "peaks") == outlines[1]
    assert find_role([outlines[0], sound], "peaks") is None
    assert find_role(outlines, "peaks") == outlines[0]
    assert find_role([*outlines, sound], "midi") is None


def test_every_stem_has_a_name_of_its_own() -> None:
    names = ["08_stem_drums.flac", "08_stem_drums_2.flac", "09_stem_drums.flac", "11_stem.flac"]
    files = [make_entity(name, role="stem", number=int(name[:2])) for name in names]
    assert [one.name for one in name_stems([*files, MAIN])] == ["drums", "drums_2", "09_drums", "11"]


def test_a_stem_is_as_long_as_it_was_decoded() -> None:
    assert [one.seconds for one in name_stems([STEM, make_entity("x.flac", role="stem")])] == [2.5, 0.0]
