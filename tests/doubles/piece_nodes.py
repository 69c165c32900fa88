"""A node that makes a sound in pieces, each when the test says so, and the definitions of an output that uses it."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from devserver.host import stock
from devserver.host.folders import Folders
from devserver.host.tables import embedded_table
from devserver.nodes.host import host
from schemas.node_table import NodeTable

RATE_HZ = 48_000
PIECE_SECONDS = 1.0
# The smallest file: format 0, one track, nothing in it
MIDI = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"
PEAKS: dict[str, Any] = {"version": 2, "channels": 1, "sample_rate": RATE_HZ, "samples_per_pixel": RATE_HZ}
PEAKS |= {"bits": 8, "length": 3, "data": [-40, 40, -80, 90, -10, 20]}
WORDS = {"en": "A sound in pieces.", "de": "Ein Klang in Stücken."}


def tone(index: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A second of a tone that tells its piece: 300 Hz for the first, 100 Hz more for each further one."""
    time_s = np.arange(round(PIECE_SECONDS * RATE_HZ)) / RATE_HZ
    mono = np.sin(2 * np.pi * (300 + 100 * index) * time_s) * 12_000
    return np.repeat(mono.astype(np.int16)[:, None], 2, axis=1)


def write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


class PieceMaker:
    """Sends piece `n` once the file `n` lies in the folder `gate` (at once without a gate), then writes the whole.

    `fault` makes one piece wrong: `gone` (not where it is said to be), `text` (no sound), `number` (told with a number
    that is none), `silent` (not told).
    """

    FUNCTION = "run"
    CATEGORY = "double"
    OUTPUT_NODE = True
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "pieces": ("INT", {"default": 3, "min": 0, "max": 1000}),
                "gate": ("STRING", {"default": ""}),
                "fault": (["none", "gone", "text", "number", "silent"],),
                "stems": ("BOOLEAN", {"default": True}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
                "filename_prefix": ("STRING", {"default": "x"}),
            }
        }

    def run(
        self, *, pieces: int, gate: str, fault: str, stems: bool, seed: int, filename_prefix: str
    ) -> dict[str, Any]:
        _ = seed  # makes one run differ from another, so that no result is taken from the cache
        for index in range(pieces):
            while gate and not Path(gate, str(index)).exists():
                host().progress(index, pieces)
                time.sleep(0.01)
            self._send(index, fault if index == 1 else "none", filename_prefix)
        while gate and not Path(gate, "end").exists():
            host().progress(pieces, pieces + 1)
            time.sleep(0.01)
        ui = {"audio": [self._save(filename_prefix, range(max(1, pieces)))], "stems": [], "peaks": [], "midi": []}
        if stems:
            ui["stems"] = [self._save(filename_prefix, [n], name) for n, name in enumerate(("drums", "bass"))]
            path, entry = host().save_path(filename_prefix, "json")
            path.write_text(json.dumps(PEAKS))
            ui["peaks"] = [entry]
            path, entry = host().save_path(filename_prefix, "mid")
            path.write_bytes(MIDI)
            ui["midi"] = [entry]
        return {"ui": ui, "result": ()}

    def _send(self, index: int, fault: str, prefix: str) -> None:
        path, entry = host().temp_path(prefix, "wav")
        if fault == "text":
            path.write_text("no sound")
        elif fault == "gone":
            entry = {**entry, "filename": f"never_{entry['filename']}"}
        else:
            write_wav(path, tone(index))
        if fault != "silent":
            host().partial(-1 if fault == "number" else index, entry)

    def _save(self, prefix: str, tones: Any, name: str = "") -> dict[str, str]:
        path, entry = host().save_path(prefix, "wav")
        write_wav(path, np.concatenate([tone(index) for index in tones]))
        return {**entry, "name": name} if name else entry


def table(folders: Folders) -> dict[str, type[Any]]:
    return {**embedded_table(folders), "PieceMaker": PieceMaker}


def alone(folders: Folders) -> dict[str, type[Any]]:
    """A backend that has none of our nodes."""
    return {**stock.node_table(folders), "PieceMaker": PieceMaker}


def write_definitions(folder: Path) -> Path:
    """An output `pieces` that takes the node's own inputs as parameters."""
    made = {"class_type": "PieceMaker", "inputs": _inputs()}
    files: Mapping[str, Any] = {
        "tables/pieces.json": _table(),
        "graphs/pieces.json": {"1": made},
        "chunks/pieces.yaml": {
            "kind": "graph",
            "description": WORDS,
            "graph": "pieces",
            "parameters": {
                "pieces": _parameter("pieces", type="int", min=0, max=1000, default=3),
                "gate": _parameter("gate", type="string", default=""),
                "fault": _parameter(
                    "fault", type="choice", choices=["none", "gone", "text", "number", "silent"], default="none"
                ),
                "stems": _parameter("stems", type="bool", default=True),
                "seed": _parameter("seed", type="seed"),
            },
            "outputs": [
                {"node": "1", "key": "audio", "media": "audio", "format": "wav"},
                {"node": "1", "key": "stems", "media": "audio", "format": "wav", "role": "stem", "optional": True},
                {"node": "1", "key": "midi", "media": "file", "format": "mid", "role": "midi", "optional": True},
                {"node": "1", "key": "peaks", "media": "file", "format": "json", "role": "peaks", "optional": True},
            ],
        },
        "configs/output/pieces.yaml": {
            "label": WORDS,
            "description": WORDS,
            "pipeline": "text_to_audio",
            "chunk": "pieces",
            "run_timeout_s": 120,
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))  # YAML takes JSON
    return folder


def _inputs() -> dict[str, Any]:
    return {"pieces": 3, "gate": "", "fault": "none", "stems": True, "seed": 0, "filename_prefix": "x"}


def _parameter(name: str, **about: Any) -> dict[str, Any]:
    return {**about, "description": WORDS, "sets": [f"1.{name}"]}


def _table() -> dict[str, Any]:
    about = {"input": PieceMaker.INPUT_TYPES(), "output": [], "output_name": [], "output_node": True, "category": "x"}
    return NodeTable.from_object_info(json.loads(json.dumps({"PieceMaker": about}))).to_trimmed()
