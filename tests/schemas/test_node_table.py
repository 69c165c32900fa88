"""Tables of node classes: of a live `/object_info`, of our own form, and several of them as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.loader import load_tables
from schemas.node_table import NodeTable, TableError
from schemas.nodes import check_graph
from tests.schemas.conftest import LIVE, SHIPPED


def test_both_combo_styles_become_one_form(live: NodeTable) -> None:
    trimmed = live.to_trimmed()
    assert trimmed["OldSave"]["input"] == {
        "required": {
            "audio": {"type": "AUDIO"},
            "filename_prefix": {"type": "STRING", "default": "audio"},
            "quality": {"type": "COMBO", "options": ["V0", "128k"], "default": "V0"},
        },
        "hidden": ["prompt", "extra_pnginfo"],
    }
    assert trimmed["NewSave"]["input"]["optional"] == {
        "format": {"type": "COMBO", "options": ["auto", "mp4"], "default": "auto"}
    }
    assert trimmed["Loader"]["output"] == ["COMBO", "MODEL"]


def test_a_trimmed_table_names_no_file_of_one_machine(live: NodeTable) -> None:
    trimmed = live.to_trimmed()
    assert trimmed["Loader"]["input"]["required"]["ckpt_name"] == {"type": "COMBO", "options": []}
    assert trimmed["LoadAudio"]["input"]["required"]["audio"]["options"] == []


def test_which_inputs_name_a_model() -> None:
    inputs = {
        "ckpt_name": [[]],
        "weights": [["a.gguf", "b/c.pt"]],
        "mixed": [["a.gguf", "none"]],
        "upload": [["a.pt"], {"file_upload": True}],
        "model_name": ["STRING"],
    }
    table = NodeTable.from_object_info({"X": {"input": {"required": inputs}, "output": []}})
    models = {name for name, entry in table.classes["X"].inputs.items() if entry.is_model}
    assert models == {"ckpt_name", "weights"}


@pytest.mark.parametrize("name", [path.name for path in sorted((SHIPPED / "tables").glob("*.json"))])
def test_our_tables_go_round_unchanged(name: str) -> None:
    data = json.loads((SHIPPED / "tables" / name).read_text())
    assert NodeTable.from_trimmed(data).to_trimmed() == data


def test_a_live_table_goes_round_through_its_trimmed_form(live: NodeTable) -> None:
    trimmed = live.to_trimmed()
    assert NodeTable.from_json(trimmed).to_trimmed() == trimmed
    assert NodeTable.from_json(LIVE) == live


def test_one_strange_class_does_not_hide_the_others() -> None:
    table = NodeTable.from_object_info({**LIVE, "Odd": {"input": {"required": {"x": 5}}, "output": []}, "Worse": None})
    assert set(table.unreadable) == {"Odd", "Worse"}
    assert "OldSave" in table.classes
    problem = check_graph({"1": {"class_type": "Odd", "inputs": {}}}, table)[0]
    assert problem.kind == "missing_node"
    assert "listed, but cannot be read" in problem.message
    with pytest.raises(TableError):
        NodeTable.from_object_info([])


def table_with(options: list[str], *more: str) -> NodeTable:
    pick = {"input": {"required": {"how": {"type": "COMBO", "options": options}}}, "output": []}
    return NodeTable.from_trimmed({"Pick": pick, **{name: {"input": {}, "output": []} for name in more}})


def test_a_table_that_chunks_name_is_for_them_and_fills_gaps_for_others() -> None:
    tables = {"a": table_with(["a"]), "z": table_with(["z"], "OnlyInZ")}
    assert NodeTable.for_chunk(tables, None).classes["Pick"].inputs["how"].options == ("z",)
    assert NodeTable.for_chunk(tables, "a").classes["Pick"].inputs["how"].options == ("a",)
    other = NodeTable.for_chunk(tables, None, {"z"})
    assert (other.classes["Pick"].inputs["how"].options, "OnlyInZ" in other.classes) == (("a",), True)
    assert NodeTable.for_chunk(tables, "z", {"z"}).classes["Pick"].inputs["how"].options == ("z",)


def test_a_later_folders_table_stands_over_all_earlier_ones_also_under_one_name(tmp_path: Path) -> None:
    for folder, name, table in (
        ("shipped", "a", table_with(["shipped a"], "OnlyShipped")),
        ("shipped", "z", table_with(["shipped z"])),
        ("own", "a", table_with(["own"])),
    ):
        (tmp_path / folder / "tables").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "tables" / f"{name}.json").write_text(json.dumps(table.to_trimmed()))
    merged = NodeTable.for_chunk(load_tables([tmp_path / "shipped", tmp_path / "own"]), None)
    assert merged.classes["Pick"].inputs["how"].options == ("own",)
    assert "OnlyShipped" in merged.classes
