from __future__ import annotations

import pytest

from devserver.comfy.errors import BackendError, UnsafePath
from devserver.comfy.files import MOST_FILES, RemoteFile, files_of
from devserver.stages.graph.taking import names_of
from schemas.json_values import JsonObject
from schemas.model import GraphChunk, Output

RESULT: dict[str, JsonObject] = {
    "2": {
        "audio": [{"filename": "a.mp3", "subfolder": "", "type": "output"}],
        "stems": [
            {"filename": "s1.flac", "subfolder": "", "type": "output", "name": "drums"},
            {"filename": "s2.flac", "subfolder": "", "type": "output", "name": "Lead Guitar"},
        ],
        "peaks": [{"filename": "p.json", "subfolder": "", "type": "output"}],
    }
}


def chunk(*outputs: dict[str, str]) -> GraphChunk:
    words = {"en": "x", "de": "x"}
    listed = [{"node": "2", "media": "audio", "format": "flac", **output} for output in outputs]
    return GraphChunk.model_validate(
        {"name": "c", "kind": "graph", "description": words, "graph": "g", "outputs": listed}
    )


def test_each_output_of_a_node_gets_the_files_of_its_key_and_one_without_a_key_the_rest() -> None:
    made = chunk({}, {"key": "stems", "role": "stem"})
    found = [
        [file.filename for file in files_of(RESULT) if made.files_of(output)(file.node_id, file.key)]
        for output in made.outputs
    ]
    assert found == [["a.mp3", "p.json"], ["s1.flac", "s2.flac"]]


@pytest.mark.parametrize(
    ("output", "own", "expected"),
    [
        (None, ["drums", "Lead Guitar"], ["drums", "lead_guitar"]),
        ("dry", ["drums", ""], ["dry_drums", "dry"]),
        (None, ["", "", ""], ["", "2", "3"]),
        (None, ["bass", "bass"], ["bass", "bass_2"]),
        (None, ["../../x"], ["x"]),
    ],
)
def test_files_of_one_output_are_told_apart_by_their_names(
    output: str | None, own: list[str], expected: list[str]
) -> None:
    files = [RemoteFile("2", "stems", f"{index}.flac", name=name) for index, name in enumerate(own)]
    assert names_of(Output(node="2", media="audio", format="flac", name=output), files) == expected


def test_files_without_a_name_of_their_own_are_numbered_in_as_many_steps_as_there_are_files() -> None:
    files = [RemoteFile("2", "images", f"{index}.png") for index in range(100_000)]
    names = names_of(Output(node="2", media="image", format="png"), files)
    assert (len(set(names)), names[0], names[-1]) == (100_000, "", "100000")


def test_more_files_than_anybody_could_mean_and_names_that_no_system_has_are_refused() -> None:
    many: dict[str, JsonObject] = {"2": {"images": [{"filename": f"{index}.png"} for index in range(MOST_FILES + 1)]}}
    with pytest.raises(BackendError, match=f"more than {MOST_FILES} files"):
        files_of(many)
    with pytest.raises(UnsafePath) as caught:
        files_of({"2": {"images": [{"filename": "x" * 100_000}]}})
    assert len(str(caught.value)) < 300
