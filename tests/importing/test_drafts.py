"""From a graph in either form to definitions, and back from their text."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.graph import Graph, GraphNode
from schemas.importing.admit import Imported, import_graph, taken
from schemas.importing.drafts import draft, name_from
from schemas.importing.form import ImportRefused, parse_graph
from schemas.importing.yaml_text import yaml_text
from schemas.json_values import JsonObject
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from schemas.sources import Source, draft_source
from tests.importing.saved import node, save, saved, silence
from tests.loading import load_catalog

SHIPPED = Path(__file__).parents[2] / "schemas"


def as_json(graph: Graph) -> JsonObject:
    """A graph as it comes from outside."""
    content: JsonObject = json.loads(json.dumps(graph))
    return content


def imported(content: Any, table: NodeTable, *, name: str = "mine", folders: tuple[Path, ...] = ()) -> Imported:
    folders = (SHIPPED, *folders)
    tables = load_tables(folders)
    return import_graph(content, name=name, origin="x.json", folders=folders, tables=tables, live=table)


def written(done: Imported, folder: Path) -> None:
    for place, text in done.files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)


def test_a_graph_in_api_form_is_kept_as_it_is(table: NodeTable, song: Graph) -> None:
    made = draft(as_json(song), table, name="mine", pipelines=["text_to_audio"])
    assert (made.form, made.graph, made.warnings) == ("api", song, ())
    assert made.config["values"] == {"prompt": "${text}"}
    assert made.config["pipeline"] == "text_to_audio"
    assert made.chunk["models"] == [
        {"node": "1", "input": "ckpt_name", "file": "ace_step_v1_3.5b.safetensors", "folder": "checkpoints"}
    ]
    assert made.chunk["outputs"] == [{"node": "7", "media": "audio", "format": "mp3", "role": "main"}]


@pytest.mark.parametrize("key", ["prompt", "workflow"])
def test_a_graph_may_lie_in_a_request_or_in_a_record(table: NodeTable, song: Graph, key: str) -> None:
    assert draft({key: as_json(song), "client_id": "x"}, table, name="mine", pipelines=[]).graph == song


def test_what_was_written_is_loaded_without_a_problem_and_says_the_same(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    written(imported(song, table), tmp_path)
    folders = [SHIPPED, tmp_path]
    catalog = load_catalog(folders, load_tables(folders))
    assert catalog.graph("mine") == song
    chunk = catalog.chunk_of("mine")
    assert chunk.parameters["lyrics"].default == "[verse]\nla"
    assert chunk.parameters["prompt"].description.de == "Was entstehen soll, in Worten (The song)."
    assert chunk.parameters["seconds"].max == 1000


def test_classes_that_the_shipped_tables_lack_come_along_in_a_table(table: NodeTable) -> None:
    zither = table.classes["EmptyAudio"].to_trimmed()
    known = NodeTable.from_json({**table.to_trimmed(), "Zither": zither})
    content = saved(node(1, "Zither", 2.0, 44100, 2, gives="AUDIO"), save(), links=[[1, 1, 0, 9, 0]])
    files = imported(content, known).files
    assert list(files) == ["tables/mine.json", "graphs/mine.json", "chunks/mine.yaml", "configs/output/mine.yaml"]
    assert parse_graph(files["tables/mine.json"]) == {"Zither": zither}


def test_a_class_that_is_another_than_the_shipped_one_is_looked_at_first_for_this_chunk_alone(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    entry = table.classes["SaveAudioMP3"].to_trimmed()
    entry["input"]["required"]["quality"]["options"] = ["super"]
    newer = NodeTable.from_json({**table.to_trimmed(), "SaveAudioMP3": entry})
    graph = copy.deepcopy(song)
    graph["7"]["inputs"]["quality"] = "super"
    written(imported(graph, newer), tmp_path)
    folders = [SHIPPED, tmp_path]
    catalog = load_catalog(folders, load_tables(folders))  # the shipped ones use 128k, and are right as before
    assert (catalog.chunk_of("mine").table, catalog.chunk_of("silence_mp3").table) == ("mine", None)
    again = imported(song, table, name="old", folders=(tmp_path,))
    assert "table" not in again.draft.chunk  # nor does it change what is imported next
    assert imported(graph, newer, name="next", folders=(tmp_path,)).draft.chunk["table"] == "next"
    (tmp_path / "chunks" / "other.yaml").write_text("kind: graph\ngraph: nowhere\n")
    assert imported(graph, newer, name="third", folders=(tmp_path,)).files  # whose fault that is, it is not this one's


def test_a_model_folder_is_taken_from_the_graph_where_it_tells_it(table: NodeTable) -> None:
    told = {"models": [{"name": "v.safetensors", "url": "https://x.invalid/v", "directory": "vae_approx"}]}
    image = node(1, "LoadImage", "a.png", "image", gives="IMAGE MASK")
    coded = node(2, "VAEEncode", takes={"pixels:IMAGE": 1, "vae:VAE": 2}, gives="LATENT")
    loader = node(3, "VAELoader", "v.safetensors", gives="VAE", properties=told)
    kept = node(4, "SaveLatent", "latents/x", takes={"samples:LATENT": 3})
    content = saved(image, coded, loader, kept, links=[[1, 1, 0, 2, 0], [2, 3, 0, 2, 1], [3, 2, 0, 4, 0]])
    made = draft(content, table, name="mine", pipelines=[])
    assert made.chunk["models"] == [{"node": "3", "input": "vae_name", "file": "v.safetensors", "folder": "vae_approx"}]
    assert made.chunk["outputs"] == [{"node": "4", "media": "file", "format": "latent", "role": "main"}]


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


def test_the_main_output_is_the_video_where_there_is_one(table: NodeTable) -> None:
    saves: dict[str, dict[str, Any]] = {
        "SaveImage": {},
        "SaveWEBM": {"codec": "vp9", "fps": 24.0, "crf": 32.0},
        "SaveAnimatedWEBP": {"fps": 24.0, "lossless": True, "quality": 80, "method": "default"},
    }
    graph: Graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    for number, (name, values) in enumerate(saves.items(), 2):
        graph[str(number)] = {"class_type": name, "inputs": {"images": ["1", 0], "filename_prefix": "x", **values}}
    outputs = imported(graph, table).described()["outputs"]
    assert [(one["node"], one["media"], one["format"], one["role"]) for one in outputs] == [
        ("2", "image", "png", "data"),
        ("3", "video", "webm", "main"),
        ("4", "image", "webp", "data"),
    ]


def test_a_video_goes_before_the_sound_that_is_saved_beside_it(table: NodeTable) -> None:
    graph: Graph = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 1], "filename_prefix": "x"}},
        "4": {"class_type": "SaveVideo", "inputs": {"video": ["1", 0], "filename_prefix": "x", "format": "mp4",
                                                    "codec": "h264"}},
    }  # fmt: skip
    made = draft(as_json(graph), table, name="mine", pipelines=["text_to_audio", "text_to_video"])
    assert [(one["node"], one["role"]) for one in made.chunk["outputs"]] == [("3", "data"), ("4", "main")]
    assert made.config["pipeline"] == "text_to_video"


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


def test_what_is_wrong_with_other_definitions_is_not_the_new_ones_fault(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    (tmp_path / "chunks").mkdir()
    (tmp_path / "chunks" / "other.yaml").write_text("kind: graph\ngraph: nowhere\n")
    assert imported(song, table, folders=(tmp_path,)).files


def save_of(**inputs: Any) -> str:
    """A graph that saves what node 2 makes."""
    return json.dumps(
        {
            "1": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["2", 0], "filename_prefix": "x", **inputs}},
            "2": {"class_type": "EmptyAudio", "inputs": {"duration": 1, "sample_rate": 44100, "channels": 2}},
        }
    )


CIRCLE = save_of(quality="V0").replace("EmptyAudio", "AudioAdjustVolume").replace(
    '"duration": 1, "sample_rate": 44100, "channels": 2', '"audio": ["2", 0], "volume": 1'
)  # fmt: skip
REFUSED = {
    "no object": ("[1, 2]", "a graph is an object"),
    "no JSON": ("{", "not JSON"),
    "a number without end": ('{"1": ' + "9" * 5000 + "}", "too many digits"),
    "an empty graph": ("{}", "empty"),
    "something else": ('{"hello": "world"}', "hello has no class_type"),
    "no inputs": ('{"1": {"class_type": "SaveAudio"}}', "has no inputs"),
    "nothing saved": ('{"1": {"class_type": "EmptyAudio", "inputs": {}}}', "writes no file"),
    "an unknown class": ('{"1": {"class_type": "Zither", "inputs": {}}}', "no node table has the class: Zither"),
    "a circle": (CIRCLE, "circle"),
    "a choice that there is not": (save_of(quality="V9"), "'V9'"),
    "an input that there is not": (save_of(quality="V0", speed=2), "no input speed"),
    "an input that is missing": (save_of(), "input quality (COMBO) is missing"),
    "a link to nowhere": (save_of(quality="V0", audio=["7", 0]), "node 7, which is not in the graph"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_refused_with_the_reason(table: NodeTable, case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(ImportRefused) as refused:
        imported(parse_graph(text), table)
    assert reason in " ".join([refused.value.message, *refused.value.problems])


def test_a_name_that_is_no_name_is_refused(table: NodeTable, song: Graph) -> None:
    with pytest.raises(ImportRefused, match="small letters"):
        draft(as_json(song), table, name="../Mine", pipelines=[])


@pytest.mark.parametrize(
    ("given", "name"),
    [("Video Wan2.2 (2)", "video_wan2_2_2"), ("Lied für Anna", "lied_f_r_anna"), ("...", "imported"), ("a-b", "a_b")],
)
def test_a_name_is_made_from_a_files(given: str, name: str) -> None:
    assert name_from(given) == name


def test_a_name_that_is_taken_is_found_in_every_kind(tmp_path: Path) -> None:
    assert [path.parent.name for path in taken("silence_mp3", [SHIPPED])] == ["chunks", "output", "graphs"]
    assert taken("mine", [SHIPPED, tmp_path]) == []


TEXTS = [
    *("plain", "", " ", "a\nb", "a\nb\n", "a\nb\n\n\n", "\na", " a\n b", "a \nb", "tab\there\nb", "[verse]\n\n  la\n"),
    *("1e5", "012", "-.5", "off", "null", "~", "true", "12:30", "2020-01-01", "=", "<<", "a: b", "# no", "- x", "%x"),
    *("x\u2028y\nz", "\x85\nb", "e\u0301\n\ufeffx", "ふわふわ　おみみが\nゆれるよ", "🎵 a\nb", "long " * 80),
    *("quote ' and \"", "back\\slash\nb", "@file:x", "{a}"),
]


def test_every_text_reads_back_as_it_was() -> None:
    named: JsonObject = {str(n): text for n, text in enumerate(TEXTS)}
    content: JsonObject = {"block": named, "row": [*TEXTS], "lines": [named, {"inner": [*TEXTS]}]}
    source = draft_source("chunk", "x", yaml_text(content, head="one\ntwo"), "x")
    assert isinstance(source, Source), source
    assert source.content == content
    assert yaml.safe_load("- 1e5") == ["1e5"]  # why numbers that only our reader knows are quoted


def test_every_number_reads_back_as_it_was() -> None:
    numbers = [0, -1, 2**64, 0.1, 1e-9, 1e22, -2.5, 1.0, True, None]
    source = draft_source("chunk", "x", yaml_text({"n": numbers}, head="x"), "x")
    assert isinstance(source, Source)
    assert source.content["n"] == numbers
    assert [type(one) for one in source.content["n"]] == [type(one) for one in numbers]


def test_new_classes_beside_changed_ones_are_all_in_the_table_that_is_written(
    table: NodeTable, song: Graph, tmp_path: Path
) -> None:
    entry = table.classes["SaveAudioMP3"].to_trimmed()
    entry["input"]["required"]["quality"]["options"] = ["V0", "super"]
    zither = table.classes["VAEDecodeAudio"].to_trimmed()
    newer = NodeTable.from_json({**table.to_trimmed(), "SaveAudioMP3": entry, "Zither": zither})
    graph = copy.deepcopy(song)
    graph["7"]["inputs"]["quality"] = "super"
    graph["6"]["class_type"] = "Zither"
    written(imported(graph, newer), tmp_path)
    folders = [SHIPPED, tmp_path]
    assert load_catalog(folders, load_tables(folders)).chunk_of("mine").table == "mine"
    assert {"Zither", "SaveAudioMP3"} <= load_tables(folders)["mine"].classes.keys()
