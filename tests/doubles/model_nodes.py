"""A backend that has every model and every node class of the shipped outputs, and makes tones and grey pictures.

The classes are made of the node tables: they take what the tables say, so that a graph that a real backend would refuse
is refused here. Models lie in a sub-folder, and one of them in another precision. One MusicGen pack is there: the name
of the function says which.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from devserver.host.folders import Folders
from devserver.host.tables import embedded_table
from schemas.loader import load_tables
from schemas.node_table import NodeClass, NodeTable
from tests.loading import load_catalog

SCHEMAS = Path(__file__).parents[2] / "schemas"
SHELF = "shelf/"
OTHER_PRECISION = {"t5xxl_fp16.safetensors": "t5xxl_fp8_e4m3fn_scaled.safetensors"}
STEMS = ("model_name", "model_size")
RATE_HZ = 44_100


class _Stand:
    """Hands on how long and how many it shall be, until something to save is made of it."""

    FUNCTION = "run"
    CATEGORY = "double"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    SPEC: ClassVar[dict[str, Any]] = {}

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return cls.SPEC

    def run(self, **inputs: Any) -> tuple[Any, ...]:
        heard = [value for value in inputs.values() if isinstance(value, dict)]
        size = {
            "frames": max([inputs.get("length", 1), *(value.get("frames", 1) for value in heard)]),
            "seconds": max(
                [inputs.get("seconds", 0.0), inputs.get("duration", 0.0), *(v.get("seconds", 0.0) for v in heard)]
            ),
        }
        return tuple(_made(kind, size) for kind in self.RETURN_TYPES)


def _made(kind: str, size: dict[str, Any]) -> Any:
    if kind == "AUDIO":
        time = np.arange(int(min(size["seconds"] or 1.0, 2.0) * RATE_HZ)) / RATE_HZ
        tone = 0.3 * np.sin(2 * np.pi * 220 * time)
        return {"waveform": np.stack([tone, tone])[None].astype(np.float32), "sample_rate": RATE_HZ}
    if kind == "IMAGE":
        return np.linspace(0, 1, size["frames"] * 64 * 64 * 3, dtype=np.float32).reshape(size["frames"], 64, 64, 3)
    return size


def audiocraft(folders: Folders) -> dict[str, type[Any]]:
    """With the MusicGen pack whose generator takes `text` and `cfg`."""
    return _table(folders, "musicgen_audiocraft")


def transformers(folders: Folders) -> dict[str, type[Any]]:
    """With the MusicGen pack that is one node."""
    return _table(folders, "musicgen_transformers")


def prompt(folders: Folders) -> dict[str, type[Any]]:
    """With the MusicGen pack whose generator takes `prompt` and `cfg_coef`."""
    return _table(folders, "musicgen_prompt")


def unknown(folders: Folders) -> dict[str, type[Any]]:
    """With a MusicGen pack that nobody knows: its generator takes `words` and `length`."""
    made = _table(folders, "musicgen_audiocraft")
    spec: dict[str, Any] = {
        "required": {"model": ("MUSICGEN_MODEL", {}), "words": ("STRING", {}), "length": ("INT", {})}
    }
    made["MusicgenGenerate"] = type("MusicgenGenerate", (_Stand,), {"SPEC": spec, "RETURN_TYPES": ("AUDIO",)})
    return made


def newer(folders: Folders) -> dict[str, type[Any]]:
    """With all nodes, but of all models only another version of ACE-Step."""
    return _table(folders, "musicgen_audiocraft", ["ace_step_v2_1b.safetensors"])


def _table(folders: Folders, pack: str, models: list[str] | None = None) -> dict[str, type[Any]]:
    tables = load_tables([SCHEMAS])
    catalog = load_catalog([SCHEMAS], tables)
    names = [m.file for output in catalog.outputs for chunk in catalog.variants_of(output) for m in chunk.models]
    shelf = models or sorted({SHELF + OTHER_PRECISION.get(name, name) for name in names})
    wanted = NodeTable.merge([tables["comfyui"], tables["acestep15"], tables[pack]])
    own = embedded_table(folders)
    return {**{name: _double(node, shelf) for name, node in wanted.classes.items() if name not in own}, **own}


def _double(node: NodeClass, shelf: list[str]) -> type[Any]:
    spec: dict[str, Any] = {"required": {}, "optional": {}}
    for name, given in node.inputs.items():
        options = list(given.options or ())
        if given.is_model:
            sizes = [
                f"{start}{size}"
                for size in ("small", "medium", "large")
                for start in ("musicgen-", "facebook/musicgen-")
            ]
            options = [*(sizes if name in STEMS else shelf)]
        kind: Any = options if given.type == "COMBO" and not given.upload else given.type
        if given.upload:
            kind = []
        spec["required" if given.required else "optional"][name] = (kind, dict(given.attributes))
    members: dict[str, Any] = {"SPEC": json.loads(json.dumps(spec)), "RETURN_TYPES": node.output}
    if any(given.upload for given in node.inputs.values()):
        members["VALIDATE_INPUTS"] = classmethod(lambda _cls, **_given: True)
    return type(node.name, (_Stand,), members)
