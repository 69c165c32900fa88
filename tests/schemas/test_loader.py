from __future__ import annotations

import json

import pytest

from schemas.catalog import Catalog
from schemas.compiler import resolve
from schemas.errors import DefinitionError, UnknownName
from schemas.lint import lint, lint_backend
from schemas.loader import load_tables, read_tables
from schemas.model import LEVELS
from schemas.nodes import NodeTable
from tests.loading import load_catalog
from tests.schemas.conftest import FILES, SHIPPED, Write

Tables = dict[str, NodeTable]


def test_what_is_shipped_has_no_problem(tables: Tables) -> None:
    assert lint([SHIPPED], tables) == []


def test_a_catalog_finds_by_name_and_tells_the_near_ones(shipped: Catalog) -> None:
    assert shipped.output("acestep_instrumental").fallback == "procedural_instrumental"
    assert [config.name for config in shipped.fallbacks("acestep_instrumental")] == [
        "acestep_instrumental",
        "procedural_instrumental",
    ]
    with pytest.raises(UnknownName, match="no output_config named 'acestep_instr'; available: acestep_inst") as caught:
        shipped.output("acestep_instr")
    assert caught.value.known[0] == "acestep_instrumental"


def test_a_later_folder_replaces_by_name(write: Write, tables: Tables) -> None:
    first = write()
    changed = FILES["configs/output/tone.yaml"].replace("12.5", "99")
    second = write("mine", **{"configs/output/tone.yaml": changed, "configs/output/new.yaml": changed})
    catalog = load_catalog([first, second], tables)
    assert catalog.output("tone").values["seconds"] == 99
    assert catalog.output("spare").values["seconds"] == 12.5
    assert catalog.sources["output", "tone"].file == "mine/configs/output/tone.yaml"
    assert set(catalog.outputs) == {"tone", "spare", "picture", "new"}


def test_a_user_override_mends_a_broken_definition(write: Write, tables: Tables) -> None:
    broken = write(**{**FILES, "configs/output/tone.yaml": FILES["configs/output/tone.yaml"].replace("12.5", "0")})
    mended = write("mine", **{"configs/output/tone.yaml": FILES["configs/output/tone.yaml"]})
    assert load_catalog([broken, mended], tables).output("tone").values["seconds"] == 12.5


def test_the_error_lists_every_problem(write: Write, tables: Tables) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_catalog([write(**{"chunks/a.yaml": "kind: text", "chunks/b.yaml": "[", "graphs/c.json": "{"})], tables)
    text = str(caught.value)
    assert "defs/chunks/a.yaml:1: description: is required" in text
    assert "defs/chunks/b.yaml:1: is not YAML" in text
    assert "defs/graphs/c.json:1: is not JSON" in text


def test_a_folder_that_is_absent_is_told(write: Write, tables: Tables) -> None:
    first = write()
    with pytest.raises(DefinitionError, match="defs/nowhere:1: is not a folder"):
        load_catalog([first, first / "nowhere"], tables)


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


def test_a_table_that_is_none_is_told(write: Write) -> None:
    folder = write(**{"tables/mine.json": "[1]"})
    tables, (problem,) = read_tables([folder])
    assert (tables, str(problem)) == ({}, "defs/tables/mine.json:1: must be a mapping of fields to values")


def test_off_and_no_are_text_in_yaml(write: Write, tables: Tables) -> None:
    choices = FILES["chunks/tone.yaml"].replace("{en: Words., de: Wörter.}", "{en: no, de: off}")
    catalog = load_catalog([write(**{**FILES, "chunks/tone.yaml": choices})], tables)
    assert catalog.graph_chunk("tone").parameters["prompt"].description.de == "off"


def test_a_run_records_every_definition_that_it_can_use(shipped: Catalog) -> None:
    snapshot = shipped.snapshot("text_to_audio", "dada", ("acestep_instrumental",))
    assert json.loads(json.dumps(snapshot)) == snapshot
    recorded = {(entry["kind"], entry["name"]): entry for entry in snapshot}
    assert {name for kind, name in recorded if kind == "output"} == {"acestep_instrumental", "procedural_instrumental"}
    for kind, name in (("pipeline", "text_to_audio"), ("interception", "dada"), ("graph", "acestep_instrumental")):
        assert recorded[kind, name]["content"] == shipped.sources[kind, name].content
    assert all(len(entry["sha256"]) == 64 for entry in snapshot)
    variants = [
        entry for entry in shipped.snapshot("text_to_audio", "plain", ("musicgen",)) if entry["kind"] == "chunk"
    ]
    assert {entry["name"] for entry in variants} >= {chunk.name for chunk in shipped.variants_of("musicgen")}


@pytest.mark.parametrize("seed", ["random", "-1", "null", "7"])
def test_a_config_may_fix_a_seed_or_leave_it_to_chance(seed: str, write: Write, tables: Tables) -> None:
    config = FILES["configs/output/tone.yaml"].replace("seconds: 12.5", f"seed: {seed}")
    catalog = load_catalog([write(**{**FILES, "configs/output/tone.yaml": config})], tables)
    drawn = resolve(catalog.chunk_of("tone"), catalog.output("tone"), {}, lambda: 3)["seed"]
    assert drawn == (7 if seed == "7" else 3)


def test_a_catalog_cannot_be_changed(shipped: Catalog) -> None:
    with pytest.raises(TypeError):
        shipped.outputs["x"] = shipped.output("silence_mp3")  # type: ignore[index]
    shipped.graph("silence_mp3")["1"]["inputs"]["duration"] = 9
    assert shipped.graph("silence_mp3")["1"]["inputs"]["duration"] == 1.0


def test_a_stricter_level_refuses_what_a_laxer_one_does(write: Write, tables: Tables) -> None:
    lexicon = load_catalog([write()], tables).lexicon
    found = {level: [each.term for each in lexicon.find("bad, worse, worst", level)] for level in LEVELS}
    assert found == {"off": [], "adult": ["worst"], "youth": ["worst"], "kids": ["bad", "worst"]}
