"""What a host says of itself and its nodes can be read by ComfyUI's clients."""

from __future__ import annotations

import json
from typing import Any

from devserver.host.folders import Folders
from devserver.host.info import describe_class, system_stats
from devserver.host.tables import load
from schemas.nodes import NodeTable


class Bare:
    RETURN_TYPES = ("INT",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"b": ("INT",), "a": ("INT",)}, "hidden": {"me": "UNIQUE_ID"}}


def test_what_a_class_does_not_say_is_what_comfyui_takes() -> None:
    info = describe_class("Bare", Bare)
    assert info["input_order"] == {"required": ["b", "a"], "hidden": ["me"]}
    assert (info["output_name"], info["output_is_list"]) == (["INT"], [False])
    assert (info["display_name"], info["description"], info["category"], info["output_node"]) == (
        "Bare",
        "",
        "sd",
        False,
    )


def test_every_embedded_class_is_read_back_as_a_table_has_it(folders: Folders) -> None:
    table = load("embedded", folders)
    read = NodeTable.from_object_info(
        json.loads(json.dumps({name: describe_class(name, cls) for name, cls in table.items()}))
    )
    assert read.unreadable == {}
    assert read.classes.keys() == table.keys()


def test_the_machine_is_described_in_bytes_and_the_table_is_named() -> None:
    stats = json.loads(json.dumps(system_stats("stock")))
    (device,) = stats["devices"]
    assert 0 < device["vram_free"] <= device["vram_total"] == stats["system"]["ram_total"]
    assert stats["system"]["table"] == "stock"
    assert stats["system"]["packages"]["numpy"]
