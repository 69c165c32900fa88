from __future__ import annotations

import pytest

from devserver.files import pieces
from devserver.files.exports import Exports
from devserver.model.rows import Place
from tests.devserver.plans import RUN_ID

PLACE = Place(RUN_ID, 1, "generation", 1, 2)


def keep(exports: Exports, place: Place, index: int = 0) -> None:
    path = pieces.path_of(exports, place.run_id, pieces.filename(place, index, "wav"))
    path.parent.mkdir(parents=True)
    path.touch()


def test_a_name_says_attempt_and_place_in_the_sound_and_sorts_as_they_are_heard() -> None:
    assert pieces.filename(PLACE, 7, "wav") == ".partials/generation_1_2/00007.wav"
    assert len(pieces.filename(PLACE, pieces.LAST_INDEX, "wav")) == len(pieces.filename(PLACE, 0, "wav"))


@pytest.mark.parametrize(
    "name", ["../07.wav", ".partials/x/../../07.wav", ".partials/x/1.wav", ".partials/x/00001.mp3", "07_output.wav"]
)
def test_only_names_of_pieces_are_paths(exports: Exports, name: str) -> None:
    with pytest.raises(ValueError, match="not a piece"):
        pieces.path_of(exports, RUN_ID, name)


def test_the_pieces_of_one_attempt_go_and_those_of_the_next_stay(exports: Exports) -> None:
    later = Place(RUN_ID, 1, "generation", 1, 3)
    keep(exports, PLACE)
    keep(exports, later)
    pieces.clear_attempt(exports, PLACE)
    left = [path.name for path in (exports.folder(RUN_ID) / pieces.FOLDER).iterdir()]
    assert (left, pieces.run_ids(exports)) == (["generation_1_3"], [RUN_ID])
    pieces.clear(exports, RUN_ID)
    pieces.clear(exports, RUN_ID)
    assert pieces.run_ids(exports) == []
