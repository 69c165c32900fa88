from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from schemas.catalog import Catalog
from schemas.describe import describe_chunk, describe_interception, describe_output, describe_pipeline
from schemas.errors import UnknownName
from schemas.known import Definitions
from schemas.model import GraphChunk
from schemas.pipeline import DescribedStage, Pipeline, Stage
from schemas.pipeline_rules import RULES, TextRules


def shown(description: BaseModel) -> dict[str, Any]:
    """As an answer has it: what was not set is left out."""
    return description.model_dump(mode="json", by_alias=True, exclude_unset=True)


def test_an_output_says_what_a_form_needs(shipped: Catalog) -> None:
    told = shown(describe_output(shipped, "acestep_instrumental"))
    parameters = {entry["name"]: entry for entry in told["parameters"]}
    assert (told["media"], told["formats"], told["fallback"]) == ("audio", ["mp3"], "procedural_instrumental")
    assert told["models"] == [{"file": "ace_step_v1_3.5b.safetensors", "folder": "checkpoints"}]
    assert told["hints"]["vram_mb"] > 0
    seconds = parameters["seconds"]
    assert (seconds["type"], seconds["min"], seconds["max"], seconds["unit"]) == ("float", 1, 1000, "s")
    assert seconds["default"] == 30
    assert seconds["description"]["de"] == "Länge der Musik."


def test_what_is_filled_in_otherwise_is_not_required(shipped: Catalog) -> None:
    parameters = {
        entry["name"]: entry for entry in shown(describe_output(shipped, "acestep_instrumental"))["parameters"]
    }
    prompt, seed = parameters["prompt"], parameters["seed"]
    assert (prompt["from"], prompt["default"], prompt["required"]) == ("text", None, False)
    assert (seed["default"], seed["min"], seed["max"], seed["required"]) == ("random", 0, 2**32 - 1, False)
    bare = {entry["name"]: entry for entry in shown(describe_chunk(shipped, "acestep_instrumental"))["parameters"]}
    assert bare["prompt"]["required"]


def test_every_definition_has_a_form_in_json(shipped: Catalog) -> None:
    told: list[BaseModel] = [describe_output(shipped, name) for name in shipped.outputs]
    told += [describe_chunk(shipped, name) for name in shipped.chunks]
    told += [describe_pipeline(shipped, name) for name in shipped.pipelines]
    told += [describe_interception(shipped, name) for name in shipped.interceptions]
    assert all(json.loads(json.dumps(shown(each))) == shown(each) for each in told)
    assert shown(describe_pipeline(shipped, "text_to_audio"))["defaults"]["schema"] == "plain"
    assert shown(describe_interception(shipped, "dada"))["rule"]["kind"] == "cut_up"


def test_a_stage_says_what_later_ones_may_read_from_it(shipped: Catalog) -> None:
    stages = {stage.name: stage for stage in describe_pipeline(shipped, "mastered_song").stages}
    assert stages["interception"].makes == ("interception.text",)
    assert {"generation.main", "generation.midi"} <= {*stages["generation"].makes}
    assert stages["analysis"].makes == ("analysis.data",)
    assert (stages["film"].takes, str(stages["film"].inputs["audio"])) == (1, "master.main")


def test_a_kind_of_stage_describes_its_own(shipped: Catalog) -> None:
    class Loud(TextRules):
        def describe(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> DescribedStage:
            return super().describe(stage, pipeline, definitions).model_copy(update={"makes": ("loud",)})

    described = describe_pipeline(shipped, "text_only", {**RULES, "text": Loud()})
    assert {stage.makes for stage in described.stages} == {("loud",)}


def test_a_format_that_a_parameter_chooses_is_offered_with_its_default_first() -> None:
    save = {"node": "3", "media": "audio", "format": "$format"}
    kind = {"type": "choice", "choices": ["flac", "mp3"], "default": "mp3", "sets": ["3.format"]}
    words = {"en": "x", "de": "x"}
    parameters = {"format": {**kind, "description": words}}
    content = {"name": "c", "kind": "graph", "description": words, "graph": "g", "parameters": parameters}
    chunk = GraphChunk.model_validate({**content, "outputs": [save]})
    assert chunk.formats(chunk.outputs[0]) == ("mp3", "flac")


def test_an_unknown_name_is_told(shipped: Catalog) -> None:
    with pytest.raises(UnknownName, match="no schema named 'dadda'; available: dada"):
        describe_interception(shipped, "dadda")
