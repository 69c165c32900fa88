"""The rules of stages, each broken once, and what a stage hands on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.catalog import Catalog
from schemas.known import Definitions
from schemas.model import GraphChunk
from schemas.nodes import NodeTable
from schemas.pipeline import Pipeline, Stage
from schemas.pipeline_rules import RULES, Product, StageRules, Ways, graph_chunks, pipeline_findings
from schemas.rules import Finding
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write

WORDS = {"en": "x", "de": "x"}


@cases("pipeline_rules")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def chunk(name: str, parameter: str, *outputs: dict[str, str], loads: str = "file") -> GraphChunk:
    fields = {"type": loads, "description": WORDS, "sets": ["1.file"]}
    content = {"name": name, "kind": "graph", "description": WORDS, "graph": name, "parameters": {parameter: fields}}
    return GraphChunk.model_validate({**content, "outputs": [{"node": "2", **output} for output in outputs]})


SOUND = {"media": "audio", "format": "flac"}
CHUNKS = {
    "parts": chunk(
        "parts", "song", {**SOUND, "role": "stem", "name": "drums"}, {**SOUND, "role": "stem", "name": "bass"}
    ),
    "split": chunk("split", "song", {**SOUND, "role": "stem"}),
    "master": chunk("master", "audio", SOUND),
    "print": chunk("print", "picture", {"media": "image", "format": "png"}),
}


@pytest.fixture
def definitions(shipped: Catalog, tables: dict[str, NodeTable]) -> Definitions:
    loaders = {"parts": "LoadAudio", "split": "LoadAudio", "master": "LoadAudio", "print": "LoadImage"}
    graphs = {name: {"1": {"class_type": kind, "inputs": {}}} for name, kind in loaders.items()}
    return Definitions(CHUNKS, {}, shipped.interceptions, {}, graphs, tables)  # type: ignore[arg-type]


def pipeline(*stages: dict[str, Any]) -> Pipeline:
    content = {"name": "p", "label": WORDS, "description": WORDS, "defaults": {"schema": "plain"}}
    return Pipeline.model_validate({**content, "stages": [{"kind": "graph", "chunk": s["name"], **s} for s in stages]})


def found(definitions: Definitions, *stages: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with the inputs and takes of the stages, by place."""
    wrong = pipeline_findings(pipeline(*stages), definitions)
    return {".".join(map(str, path)): message for path, message in wrong if "inputs" in path or "takes" in path}


def reading(name: str, **inputs: str) -> dict[str, Any]:
    return {"name": name, "inputs": inputs}


def test_one_of_several_files_of_a_role_must_be_named(definitions: Definitions) -> None:
    wrong = found(definitions, {"name": "parts"}, reading("master", audio="parts.stem"))
    assert wrong == {
        "stages.1.inputs.audio": "several files are parts.stem; name one of them: parts.stem.drums, parts.stem.bass"
    }
    assert found(definitions, {"name": "parts"}, reading("master", audio="parts.stem.bass")) == {}


def test_a_name_that_the_files_bring_themselves_is_taken_on_trust(definitions: Definitions) -> None:
    assert found(definitions, {"name": "split"}, reading("master", audio="split.stem.violin")) == {}
    wrong = found(definitions, {"name": "parts"}, reading("master", audio="parts.stem.violin"))
    assert wrong["stages.1.inputs.audio"].startswith("chunk parts of the stage parts makes no parts.stem.violin; it")


def test_a_file_of_another_medium_than_the_node_loads_is_refused(definitions: Definitions) -> None:
    wrong = found(definitions, {"name": "split"}, reading("print", picture="split.stem"))
    assert wrong == {"stages.1.inputs.picture": "split.stem is of medium audio, but parameter picture takes image"}


@pytest.mark.parametrize(("takes", "right"), [(2, True), (3, False), (1, False)])
def test_a_stage_has_as_many_takes_as_the_one_that_it_reads(definitions: Definitions, takes: int, right: bool) -> None:
    wrong = found(definitions, {"name": "split", "takes": 2}, {**reading("master", audio="split.stem"), "takes": takes})
    message = f"must be 2, as many as the stage split has, or left out; not {takes}"
    assert wrong == ({} if right else {"stages.1.takes": message})


def test_sources_with_different_numbers_of_takes_are_named(definitions: Definitions) -> None:
    wrong = found(
        definitions, {"name": "split", "takes": 2}, {"name": "parts", "takes": 3},
        reading("master", audio="split.stem", other="parts.stem.bass"),
    )  # fmt: skip
    message = "the stages that it reads from have different numbers of takes: split has 2 and parts has 3"
    assert wrong["stages.2.inputs"] == message


def test_an_output_stage_runs_each_chunk_of_the_configs_of_its_pipeline(
    shipped: Catalog, tables: dict[str, NodeTable]
) -> None:
    known = Definitions(
        shipped.chunks, shipped.pipelines, shipped.interceptions, shipped.outputs, shipped.graphs, tables
    )
    line = shipped.pipeline("text_to_audio")
    names = {each.name for each in graph_chunks(line.output_stage or line.stages[0], line, known)}
    configs = [name for name, config in shipped.outputs.items() if config.pipeline == line.name]
    assert names == {each.name for name in configs for each in shipped.variants_of(name)}


class Told(StageRules):
    """Rules of a kind of stage that an installed package brings."""

    def check(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
        del stage, pipeline, definitions
        yield ("settings", "size"), "must be small"

    def makes(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Ways:
        del stage, pipeline, definitions
        return {"": (Product("main", "audio"),)}


def test_a_further_kind_of_stage_is_checked_by_its_own_rules_and_read_from(definitions: Definitions) -> None:
    own = {"name": "own", "kind": "told", "chunk": ""}
    wrong = pipeline_findings(
        pipeline(own, reading("master", audio="own.main")), definitions, {**RULES, "told": Told()}
    )
    assert list(wrong) == [(("stages", 0, "settings", "size"), "must be small")]
