"""What of a graph runs, what it writes, and what can be nothing but silence."""

from __future__ import annotations

import json

import pytest

from schemas.graph import Graph, GraphNode
from schemas.importing.admit import import_graph
from schemas.importing.drafts import draft
from schemas.importing.form import ImportRefused
from schemas.importing.saves import drop_broken_branches, saved_format
from schemas.json_values import Json
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.importing.making import SHIPPED, as_json
from tests.importing.saved import node, save, saved, silence


def test_a_graph_that_only_shows_its_result_saves_it(table: NodeTable) -> None:
    made = draft(saved(silence(), node(9, "PreviewAudio", takes={"audio:AUDIO": 1}), links=[[1, 1, 0, 9, 0]]), table,
                 name="mine", pipelines=[])  # fmt: skip
    assert made.graph["9"] == {
        "class_type": "SaveAudio",
        "inputs": {"audio": ["1", 0], "filename_prefix": "audio/ComfyUI"},
    }
    assert "saved now" in made.warnings[0]


def test_previews_and_branches_that_cannot_run_are_left_out_and_told(table: NodeTable) -> None:
    shown, open_end = node(8, "PreviewAudio", takes={"audio:AUDIO": 1}), save(7, link=None)
    made = draft(saved(silence(), shown, save(), open_end, links=[[1, 1, 0, 8, 0], [1, 1, 0, 9, 0]]), table,
                 name="mine", pipelines=[])  # fmt: skip
    assert set(made.graph) == {"1", "9"}
    assert made.warnings == ("node 7 (SaveAudio) is left out: node 7 (SaveAudio) has nothing for audio",)


EMPTY: GraphNode = {"class_type": "EmptyAudio", "inputs": {"duration": 1, "sample_rate": 44100, "channels": 2}}
SOUND_FILE = {"class_type": "LoadAudio", "inputs": {"audio": "a.wav"}}


def joined(*makers: str) -> GraphNode:
    return {
        "class_type": "AudioConcat",
        "inputs": {"audio1": [makers[0], 0], "audio2": [makers[1], 0], "direction": "after"},
    }


DECODED = {"class_type": "VAEDecodeAudio", "inputs": {"samples": ["4", 0], "vae": ["5", 2]}}
LATENT = {"class_type": "EmptyLatentAudio", "inputs": {"seconds": 1.0, "batch_size": 1}}
MODEL = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}}


@pytest.mark.parametrize(
    ("makers", "silent"),
    [
        ({"2": EMPTY}, True),
        ({"2": joined("4", "3"), "3": EMPTY, "4": EMPTY}, True),
        ({"2": SOUND_FILE}, False),
        ({"2": joined("4", "3"), "3": EMPTY, "4": SOUND_FILE}, False),
        ({"2": DECODED, "4": LATENT, "5": MODEL}, False),
    ],
)
def test_only_what_can_be_nothing_but_silence_is_let_through_silent(
    table: NodeTable, makers: Graph, silent: bool
) -> None:
    kept: Graph = {"1": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 0], "filename_prefix": "x"}}}
    output = draft(as_json(kept | makers), table, name="mine", pipelines=[]).chunk["outputs"][0]
    assert output.get("verify") == ({"silence": "allow"} if silent else None)


@pytest.mark.parametrize(("category", "beside"), [("audio", False), ("synthesis", True)])
def test_what_makes_a_sound_of_numbers_alone_is_not_silent(table: NodeTable, category: str, beside: bool) -> None:
    sine = {"Sine": {"input": {"required": {"hz": {"type": "FLOAT"}}}, "output": ["AUDIO"], "category": category}}
    known = NodeTable.from_json({**table.to_trimmed(), **sine})
    tone: GraphNode = {"class_type": "Sine", "inputs": {"hz": 440.0}}
    graph: Graph = {"1": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 0], "filename_prefix": "x"}}}
    graph |= {"2": joined("4", "3"), "3": EMPTY, "4": tone} if beside else {"2": tone}
    assert "verify" not in draft(as_json(graph), known, name="mine", pipelines=[]).chunk["outputs"][0]


def test_a_node_with_several_results_is_an_output_for_each() -> None:
    tables = load_tables([SHIPPED])
    graph = json.loads((SHIPPED / "graphs" / "procedural_instrumental.json").read_text())
    done = import_graph(
        graph, name="mine", origin="x.json", folders=(SHIPPED,), tables=tables, live=NodeTable.for_chunk(tables, None)
    )
    outputs = {
        (o["node"], o.get("key")): (o["role"], o["media"], o.get("optional", False))
        for o in done.draft.chunk["outputs"]
    }
    assert outputs == {
        ("2", "audio"): ("main", "audio", False),
        ("2", "stems"): ("stem", "audio", True),
        ("2", "peaks"): ("peaks", "file", False),
        ("3", None): ("data", "file", False),
    }


def test_an_input_that_grows_on_the_page_is_not_lacking() -> None:
    save: Json = {"required": {"images": {"type": "COMFY_AUTOGROW_V3"}, "filename_prefix": {"type": "STRING"}}}
    table = NodeTable.from_json({"Sheet": {"input": save, "output": [], "output_node": True}})
    graph: Graph = {"1": {"class_type": "Sheet", "inputs": {"filename_prefix": "x", "images.0": "a"}}}
    assert drop_broken_branches(graph, table) == (graph, [])
    del graph["1"]["inputs"]["filename_prefix"]
    with pytest.raises(ImportRefused) as refused:
        drop_broken_branches(graph, table)
    assert refused.value.problems == ("node 1 (Sheet) is left out: node 1 (Sheet) has nothing for filename_prefix",)


@pytest.mark.parametrize(
    ("form", "made"),
    [
        ("video/h264-mp4", ("video", "mp4")),
        ("image/gif", ("image", "gif")),
        ("WEBM", ("video", "webm")),
        ("auto", ("audio", "flac")),
        (5, ("audio", "flac")),
    ],
)
def test_the_format_of_an_unknown_save_node_is_its_input_and_else_the_usual_one_of_its_source(
    table: NodeTable, form: Json, made: tuple[str, str]
) -> None:
    node: GraphNode = {"class_type": "Foreign", "inputs": {"format": form, "audio": ["2", 0]}}
    assert saved_format(node, {"1": node, "2": EMPTY}, table) == made
