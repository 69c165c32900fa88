"""A node whose takes can be told apart by their length and end when the test says so, and an output that uses it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from devserver.host.folders import Folders
from devserver.host.tables import embedded_table
from devserver.nodes.host import host
from schemas.node_table import NodeTable
from tests.doubles.piece_nodes import RATE_HZ, write_wav

TABLE = "tests.doubles.take_nodes:table"
SEEDS = 50  # so many neighbouring seeds give lengths that differ
WORDS = {"en": "A tone.", "de": "Ein Ton."}
TAKES = 3
FAULTS = ("none", "memory", "always_memory", "error", "refused", "gone", "kills_worker", "kills_server")


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


OutOfMemoryError.__module__ = "torch"


def length_s(seed: int) -> float:
    """How long the sound of a seed is, in seconds."""
    return 0.2 + 0.02 * (seed % SEEDS)


class TakeMaker:
    """Works up to `work_s`, by its seed, then waits until the file `seed` lies in the folder `gate` (none: at once).

    `fault`: `memory` has too little of it until the host was told to free some, `always_memory` even then; `error`
    fails; `refused` is not taken at all; `gone` makes a file that is not there; `kills_worker` kills its own process,
    `kills_server` the server that its host belongs to.
    """

    FUNCTION = "run"
    CATEGORY = "double"
    OUTPUT_NODE = True
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    FREED: ClassVar[Path] = Path()
    SICK: ClassVar[Path] = Path()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "work_s": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 600.0}),
                "gate": ("STRING", {"default": ""}),
                "fault": (list(FAULTS),),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
                "filename_prefix": ("STRING", {"default": "x"}),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, fault: str) -> bool | str:
        return "this is refused" if fault == "refused" else True

    def run(self, *, work_s: float, gate: str, fault: str, seed: int, filename_prefix: str) -> dict[str, Any]:
        end = time.monotonic() + work_s * (1 + seed % 4) / 4
        while time.monotonic() < end or (gate and not Path(gate, str(seed)).exists()):
            host().progress(0, 1)
            time.sleep(0.01)
        if fault.startswith("kills"):
            os.kill(os.getpid() if fault == "kills_worker" else _parent(os.getppid()), signal.SIGKILL)
            time.sleep(60)  # the host notices a moment later that its server is gone
        if self.SICK.exists():
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        if fault == "error":
            raise ValueError("this take cannot be made")
        if fault == "always_memory" or (fault == "memory" and not self.FREED.exists()):
            raise OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")
        path, entry = host().save_path(filename_prefix, "wav")
        if fault == "gone":
            return {"ui": {"audio": [entry]}, "result": ()}
        write_wav(path, _tone(length_s(seed)))
        return {"ui": {"audio": [entry]}, "result": ()}


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _tone(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    mono = np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ) * 12_000
    return np.repeat(mono.astype(np.int16)[:, None], 2, axis=1)


def table(folders: Folders) -> dict[str, type[Any]]:
    base = folders.output.parent
    own = type("TakeMaker", (TakeMaker,), {"FREED": freed_mark(base), "SICK": sick_mark(base)})
    return {**embedded_table(folders), "TakeMaker": own}


def freed_mark(base: Path) -> Path:
    """The file by which a host tells its nodes that it was told to free its memory."""
    return base / "freed"


def sick_mark(base: Path) -> Path:
    """The file that makes every take of a host fail while it is there."""
    return base / "sick"


def write_definitions(folder: Path, takes: int = TAKES, **config: Any) -> Path:
    """An output `takes` with so many of them, and the node's own inputs as parameters; `config` changes it."""
    parameters: dict[str, dict[str, Any]] = {
        "work_s": {"type": "float", "min": 0, "max": 600, "step": 0.01, "default": 0},
        "gate": {"type": "string", "default": ""},
        "fault": {"type": "choice", "choices": list(FAULTS), "default": "none"},
        "seed": {"type": "seed"},
    }
    inputs = {"work_s": 0.0, "gate": "", "fault": "none", "seed": 0, "filename_prefix": "x"}
    about = {"input": TakeMaker.INPUT_TYPES(), "output": [], "output_name": [], "output_node": True, "category": "x"}
    files: dict[str, Any] = {
        "tables/takes.json": NodeTable.from_object_info(json.loads(json.dumps({"TakeMaker": about}))).to_trimmed(),
        "graphs/takes.json": {"1": {"class_type": "TakeMaker", "inputs": inputs}},
        "chunks/takes.yaml": {
            "kind": "graph",
            "description": WORDS,
            "graph": "takes",
            "parameters": {
                name: {**about, "description": WORDS, "sets": [f"1.{name}"]} for name, about in parameters.items()
            },
            "outputs": [{"node": "1", "key": "audio", "media": "audio", "format": "wav"}],
        },
        "pipelines/takes.yaml": {
            "label": WORDS,
            "description": WORDS,
            "stages": [
                {"name": "interception", "kind": "text", "chunk": "interception"},
                {"name": "generation", "kind": "graph", "chunk": "$output", "takes": takes},
            ],
            "defaults": {"schema": "plain", "output_config": "takes"},
        },
        "configs/output/takes.yaml": {
            "label": WORDS,
            "description": WORDS,
            "pipeline": "takes",
            "chunk": "takes",
            "run_timeout_s": 300,
            **config,
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))  # YAML takes JSON
    return folder
