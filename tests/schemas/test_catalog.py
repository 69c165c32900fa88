"""Definitions by name, what they lead to, and what a run keeps of them."""

from __future__ import annotations

import json

import pytest

from schemas.catalog import Catalog
from schemas.errors import UnknownName
from schemas.loader import usable_definitions
from schemas.nodes import NodeTable
from tests.schemas.conftest import FILES, Write


def test_a_catalog_finds_by_name_and_tells_the_near_ones(shipped: Catalog) -> None:
    assert shipped.output("acestep_instrumental").fallback == "procedural_instrumental"
    assert [config.name for config in shipped.fallbacks("acestep_instrumental")] == [
        "acestep_instrumental",
        "procedural_instrumental",
    ]
    with pytest.raises(UnknownName, match="no output_config named 'acestep_instr'; available: acestep_inst") as caught:
        shipped.output("acestep_instr")
    assert caught.value.known[0] == "acestep_instrumental"


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


def test_a_catalog_cannot_be_changed(shipped: Catalog) -> None:
    with pytest.raises(TypeError):
        shipped.outputs["x"] = shipped.output("silence_mp3")  # type: ignore[index]
    shipped.graph("silence_mp3")["1"]["inputs"]["duration"] = 9
    assert shipped.graph("silence_mp3")["1"]["inputs"]["duration"] == 1.0


def test_a_chunk_of_the_other_kind_is_not_found(shipped: Catalog) -> None:
    with pytest.raises(UnknownName, match="there is no graph chunk named 'interception'"):
        shipped.graph_chunk("interception")
    with pytest.raises(UnknownName, match="there is no text chunk named 'silence_mp3'"):
        shipped.text_chunk("silence_mp3")


@pytest.mark.parametrize("name", [None, ["x"], {"a": 1}, 5])
def test_a_name_that_is_no_text_is_unknown(shipped: Catalog, name: object) -> None:
    with pytest.raises(UnknownName):
        shipped.output(name)  # type: ignore[arg-type]


def test_a_definition_that_is_left_out_is_told_with_its_fault(write: Write, tables: dict[str, NodeTable]) -> None:
    folder = write(**{**FILES, "configs/output/tone.yaml": FILES["configs/output/tone.yaml"].replace("12.5", "0")})
    catalog, _ = usable_definitions([folder], tables)
    with pytest.raises(
        UnknownName, match=r"the output_config tone cannot be used: .*tone\.yaml:7: values\.seconds: must"
    ):
        catalog.output("tone")


def test_a_fallback_that_is_left_out_ends_the_chain(write: Write, tables: dict[str, NodeTable]) -> None:
    tone = FILES["configs/output/tone.yaml"]
    files = {
        "configs/output/tone.yaml": tone + "fallback: spare\n",
        "configs/output/spare.yaml": tone.replace("12.5", "0"),
    }
    catalog, _ = usable_definitions([write(**{**FILES, **files})], tables)
    assert [config.name for config in catalog.fallbacks("tone")] == ["tone"]


def test_a_sound_without_loss_is_offered_in_what_it_is_converted_to_and_another_is_not(shipped: Catalog) -> None:
    lossless = next(name for name in shipped.outputs if shipped.chunk_of(name).outputs[0].format == "flac")
    assert shipped.formats_of(lossless)[0] == "flac"
    assert {"mp3", "opus"} <= {*shipped.formats_of(lossless)}
    assert shipped.formats_of("acestep_instrumental") == ("mp3",)
