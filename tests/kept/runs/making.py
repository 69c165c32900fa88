"""A node that makes one sound, well or in one of the ways in which it can go wrong, and the outputs that use it."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from devserver.host.folders import Folders
from devserver.host.tables import embedded_table
from devserver.nodes.host import host
from schemas.node_table import NodeTable
from tests.doubles.piece_nodes import RATE_HZ, write_wav
from tests.kept.runs.inputs import picture

TABLE: Final = "tests.kept.runs.making:table"
WORDS: Final = {"en": "A tone.", "de": "Ein Ton."}
FAULTS: Final = (
    "none",
    "silent",
    "short",
    "empty",
    "undecodable",
    "cut",
    "picture",
    "nothing",
    "outside",
    "gone",
    "error",
    "disk",
    "memory",
    "refused",
    "gone_once",
    "memory_once",
)
ONCE: Final = "_once"  # goes wrong the first time that it is tried with its seed


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


OutOfMemoryError.__module__ = "torch"


class Maker:
    """Makes a tone whose length tells its seed.

    Waits before, where it has a gate, until a file lies there; a relative one is a folder below the host's own.
    """

    FUNCTION = "run"
    CATEGORY = "double"
    OUTPUT_NODE = True
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    BASE: ClassVar[Path] = Path()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gate": ("STRING", {"default": ""}),
                "fault": (list(FAULTS),),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
                "filename_prefix": ("STRING", {"default": "x"}),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, fault: str) -> bool | str:
        return "this is refused" if fault == "refused" else True

    def run(self, *, gate: str, fault: str, seed: int, filename_prefix: str) -> dict[str, Any]:
        while gate and not Path(self.BASE, gate, str(seed)).exists():
            host().progress(0, 1)
            time.sleep(0.01)
        if fault.endswith(ONCE):
            fault = self._first_time(fault.removesuffix(ONCE), seed)
        _raise(fault)
        if fault == "nothing":
            return {"ui": {}, "result": ()}
        path, entry = host().save_path(filename_prefix, "wav")
        if fault == "outside":
            entry = {**entry, "subfolder": "../../.."}
        if fault != "gone":
            _write(path, fault, 0.2 + 0.1 * (seed % 10))
        return {"ui": {"audio": [entry]}, "result": ()}

    def _first_time(self, fault: str, seed: int) -> str:
        tried = self.BASE / f"tried_{seed}"
        if tried.exists():
            return "none"
        tried.touch()
        return fault


def _raise(fault: str) -> None:
    if fault == "error":
        raise ValueError("this take cannot be made")
    if fault == "disk":
        raise OSError(errno.ENOSPC, "No space left on device")
    if fault == "memory":
        raise OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")


def _write(path: Path, fault: str, length_s: float) -> None:
    if fault in ("empty", "undecodable", "picture"):
        path.write_bytes({"empty": b"", "undecodable": b"RIFF\x24\0\0\0WAVEfmt x", "picture": picture()}[fault])
        return
    time_s = np.arange(round((0.01 if fault == "short" else length_s) * RATE_HZ)) / RATE_HZ
    level = 0 if fault == "silent" else 12_000
    mono = (np.sin(2 * np.pi * 300 * time_s) * level).astype(np.int16)
    write_wav(path, np.repeat(mono[:, None], 2, axis=1))
    if fault == "cut":
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])


def table(folders: Folders) -> dict[str, type[Any]]:
    own = type("Maker", (Maker,), {"BASE": folders.output.parent})
    return {**embedded_table(folders), "Maker": own}


def write_definitions(folder: Path) -> Path:
    """Write the outputs `one` (one take), `three` (three of them), `hurried` (in no time), `lossless` and `nobody`.

    `lossless` is a FLAC that other formats can be made of; `nobody` needs a node that no backend has, takes a seed, and
    falls back to silence, which takes none.
    """
    takes = {"one": 1, "three": 3, "hurried": 1}
    files: dict[str, Any] = {
        "tables/maker.json": _table("Maker", Maker.INPUT_TYPES(), output_node=True),
        "tables/nobody.json": _table("NobodyHasThis", {}, output_node=False),
        "graphs/maker.json": {"1": {"class_type": "Maker", "inputs": _defaults() | {"filename_prefix": "x"}}},
        "graphs/lossless.json": _LOSSLESS,
        "graphs/nobody.json": {**_LOSSLESS, "4": {"class_type": "NobodyHasThis", "inputs": {}}},
        "chunks/maker.yaml": _chunk("maker", "1", "wav", _parameters()),
        "chunks/lossless.yaml": _chunk("lossless", "3", "flac", {}),
        "chunks/nobody.yaml": _chunk("nobody", "3", "flac", {"seed": _parameters()["seed"]}),
        "configs/output/lossless.yaml": _output("text_to_audio", "lossless"),
        "configs/output/nobody.yaml": {**_output("text_to_audio", "nobody"), "fallback": "silence_mp3"},
    }
    for name, count in takes.items():
        files[f"pipelines/{name}.yaml"] = _pipeline(name, count)
        files[f"configs/output/{name}.yaml"] = {
            **_output(name, "maker"),
            "run_timeout_s": 0.3 if name == "hurried" else 300,
        }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))  # YAML takes JSON
    return folder


_LOSSLESS: Final[dict[str, Any]] = {
    "1": {
        "class_type": "TonewrightCompose",
        "inputs": {
            "prompt": "techno",
            "genre": "auto",
            "bpm": 0,
            "key": "auto",
            "mood": "auto",
            "instruments": "",
            "seconds": 1,
            "seed": 1,
        },
    },
    "2": {"class_type": "TonewrightSynthesise", "inputs": {"song": ["1", 0]}},
    "3": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 0], "filename_prefix": "x"}},
}


def _defaults() -> dict[str, Any]:
    return {"gate": "", "fault": "none", "seed": 0}


def _parameters() -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "gate": {"type": "string", "default": ""},
        "fault": {"type": "choice", "choices": list(FAULTS), "default": "none"},
        "seed": {"type": "seed"},
    }
    return {name: {**kind, "description": WORDS, "sets": [f"1.{name}"]} for name, kind in kinds.items()}


def _chunk(graph: str, node: str, form: str, parameters: dict[str, Any]) -> dict[str, Any]:
    outputs = [{"node": node, "key": "audio", "media": "audio", "format": form}]
    return {"kind": "graph", "description": WORDS, "graph": graph, "parameters": parameters, "outputs": outputs}


def _output(pipeline: str, chunk: str) -> dict[str, Any]:
    return {"label": WORDS, "description": WORDS, "pipeline": pipeline, "chunk": chunk, "run_timeout_s": 300}


def _pipeline(name: str, takes: int) -> dict[str, Any]:
    generation = {"name": "generation", "kind": "graph", "chunk": "$output", "takes": takes}
    stages = [{"name": "interception", "kind": "text", "chunk": "interception"}, generation]
    return {
        "label": WORDS,
        "description": WORDS,
        "stages": stages,
        "defaults": {"schema": "plain", "output_config": name},
    }


def _table(name: str, inputs: dict[str, Any], *, output_node: bool) -> dict[str, Any]:
    about = {"input": inputs, "output": [], "output_name": [], "output_node": output_node, "category": "x"}
    trimmed: dict[str, Any] = NodeTable.from_object_info(json.loads(json.dumps({name: about}))).to_trimmed()
    return trimmed
