"""Describe a host and its nodes, in ComfyUI's form."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib import metadata
from typing import TypedDict

from devserver.host.node_class import InputTypes, inputs_of, is_output, lists_of, outputs_of
from schemas.json_values import JsonObject

MAX_UPLOAD_BYTES = 100 << 20  # ComfyUI's default
FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD_BYTES}

# The ComfyUI whose protocol the contract suite recorded; clients read it to know what to expect.
PROTOCOL = "0.3.64"


class ClassInfo(TypedDict):
    """One class's entry of /object_info."""

    input: InputTypes
    input_order: dict[str, list[str]]
    output: list[str]
    output_is_list: list[bool]
    output_name: list[str]
    name: str
    display_name: str
    description: str
    python_module: str
    category: str
    output_node: bool


def describe_class(name: str, cls: type) -> ClassInfo:
    inputs = inputs_of(cls)
    outputs = list(outputs_of(cls))
    sections = {"required": inputs.get("required"), "optional": inputs.get("optional"), "hidden": inputs.get("hidden")}
    return {
        "input": inputs,
        "input_order": {category: list(names) for category, names in sections.items() if names is not None},
        "output": outputs,
        "output_is_list": list(lists_of(cls)),
        "output_name": list(getattr(cls, "RETURN_NAMES", outputs)),
        "name": name,
        "display_name": getattr(cls, "DISPLAY_NAME", name),
        "description": getattr(cls, "DESCRIPTION", ""),
        "python_module": cls.__module__,
        "category": getattr(cls, "CATEGORY", "sd"),
        "output_node": is_output(cls),
    }


def system_stats(table: str) -> JsonObject:
    """Return the host's /system_stats; versions of programs that it lacks are "none". Memory in bytes."""
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    system: JsonObject = {
        "os": os.name,
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": PROTOCOL,
        "required_frontend_version": "none",
        "installed_templates_version": "none",
        "required_templates_version": "none",
        "python_version": sys.version,
        "pytorch_version": "none",
        "embedded_python": False,
        "argv": ["devserver.host", table],
        "table": table,
        "packages": {name: metadata.version(name) for name in ("numpy", "scipy", "av")},
        "cpu": platform.processor() or platform.machine(),
        "cpu_features": [*cpu_features()],
    }
    memory: JsonObject = {"vram_total": total, "vram_free": free, "torch_vram_total": total, "torch_vram_free": free}
    return {"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **memory}]}


def cpu_features() -> list[str]:
    """Return the instruction sets that numpy detected: samples are equal to the bit only if these are."""
    # numpy's own show_runtime() prints these; they have no public name.
    core = "numpy._core" if int(metadata.version("numpy").split(".")[0]) >= 2 else "numpy.core"
    features: dict[str, bool] = importlib.import_module(f"{core}._multiarray_umath").__cpu_features__
    return sorted(name for name, is_available in features.items() if is_available)
