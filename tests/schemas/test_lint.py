"""The problems of all definitions, of one file, and what a backend lacks for them."""

from __future__ import annotations

import json

from schemas.catalog import Catalog
from schemas.lint import lint, lint_backend
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.schemas.conftest import FILES, SHIPPED, Write

Tables = dict[str, NodeTable]


def test_what_is_shipped_has_no_problem(tables: Tables) -> None:
    assert lint([SHIPPED], tables) == []


def test_lint_of_one_file_tells_only_its_problems(write: Write, tables: Tables) -> None:
    worse = {**FILES, "chunks/other.yaml": "kind: text"}
    folder = write(**{**worse, "configs/output/tone.yaml": FILES["configs/output/tone.yaml"].replace("12.5", "0")})
    only = folder / "configs/output/tone.yaml"
    assert [problem.field for problem in lint([folder], tables, only)] == ["values.seconds"]
    assert lint([folder], tables, folder / "configs/output/spare.yaml") == []
    assert "is not one of the definitions" in str(lint([folder], tables, folder / "x.yaml")[0])


def test_lint_against_a_backend_names_what_it_lacks(shipped: Catalog, tables: Tables) -> None:
    known = {"EmptyAudio", "SaveAudioMP3"}
    small = NodeTable({name: entry for name, entry in tables["comfyui"].classes.items() if name in known})
    told = lint_backend(shipped, small)
    assert told["silence_mp3"] == ()
    assert {problem.class_type for problem in told["procedural_instrumental"]} == {
        "TonewrightCompose",
        "TonewrightMidi",
        "TonewrightRender",
    }
    assert told["acestep_instrumental"][0].value == "ace_step_v1_3.5b.safetensors"


def test_a_users_own_table_makes_a_users_own_node_known(write: Write, tables: Tables) -> None:
    graph = FILES["graphs/tone.json"].replace("SaveAudioMP3", "MyOwnSave")
    folder = write(**{**FILES, "graphs/tone.json": graph})
    assert "no class MyOwnSave; available: " in str(lint([folder], tables)[0])
    info = {
        "MyOwnSave": {
            "input": {
                "required": {
                    "audio": ["AUDIO"],
                    "filename_prefix": ["STRING", {"default": "x"}],
                    "quality": [["V0", "128k"], {}],
                }
            },
            "output": [],
            "output_node": True,
        }
    }
    write(**{"tables/mine.json": json.dumps(info)})
    assert lint([folder], {**tables, **load_tables([folder])}) == []


def test_lint_of_a_file_that_cannot_be_read_tells_why(write: Write, tables: Tables) -> None:
    folder = write(**{**FILES, "chunks/torn.yaml": "kind: ["})
    (problem,) = lint([folder], tables, folder / "chunks/torn.yaml")
    assert str(problem).startswith("defs/chunks/torn.yaml:1: is not YAML: expected the node content")


def test_of_several_variants_a_backend_lacks_what_the_nearest_one_lacks(shipped: Catalog, tables: Tables) -> None:
    chunks = shipped.variants_of("musicgen")
    second = {node["class_type"] for node in shipped.graph(chunks[1].graph).values()}
    every = NodeTable.merge(tables.values()).classes
    almost = NodeTable({name: every[name] for name in sorted(second)[1:]})
    assert [problem.class_type for problem in lint_backend(shipped, almost)["musicgen"]] == [min(second)]
