"""The table of the fleet's cards, and the outputs that use it: one node that loads a model and works, both by sleeping.

A card's file says how many times faster than the slowest it works and how long it loads a model. What it did it writes
down line by line, so that it is known even of one that was killed.
"""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from devserver.host.folders import Folders
from devserver.nodes.host import host
from schemas.node_table import NodeTable

TABLE: Final = "benchmarks.fleet_nodes:sleeping"
MODELS: Final = ("north", "east", "south", "west")
STEP_S: Final = 0.1
FAILS_AFTER_S: Final = 0.5
RATE_HZ: Final = 8_000
CARD, WORK = "card.json", "work.jsonl"
WORDS: Final = {"en": "A tone after a while.", "de": "Ein Ton nach einer Weile."}


@dataclass(frozen=True)
class Profile:
    """How a card works: `speed` times faster than the slowest; another model than the last takes `load_s`.

    `fails`: whatever it is given, half a second later.
    """

    speed: float = 1.0
    load_s: float = 0.0
    fails: bool = False

    def write(self, base: Path) -> None:
        (base / CARD).write_text(json.dumps(asdict(self)), "utf8")


@dataclass(frozen=True)
class Made:
    """One line of a card's work: a prompt that began, or ended, by the clock that the processes of a machine share."""

    kind: str
    at: float
    prefix: str
    loads: bool = False

    @property
    def run_id(self) -> str:
        return self.prefix.split("/")[1] if self.prefix.count("/") > 1 else ""


def work_of(base: Path) -> list[Made]:
    """Return what a card has begun and ended so far."""
    file = base / WORK
    return [Made(**json.loads(line)) for line in file.read_text("utf8").splitlines()] if file.exists() else []


class SleepingSampler:
    """Loads its model where another one was used last, then works for `seconds` on the slowest card."""

    FUNCTION = "run"
    CATEGORY = "benchmark"
    OUTPUT_NODE = True
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    BASE: ClassVar[Path] = Path()
    loaded: ClassVar[str] = ""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "ckpt_name": ([f"{name}.safetensors" for name in MODELS],),
                "seconds": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 600.0}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
                "filename_prefix": ("STRING", {"default": "x"}),
            }
        }

    def run(self, *, ckpt_name: str, seconds: float, seed: int, filename_prefix: str) -> dict[str, Any]:
        cls, profile = type(self), Profile(**json.loads((self.BASE / CARD).read_text("utf8")))
        loads = cls.loaded != ckpt_name
        self._note(Made("begun", time.monotonic(), filename_prefix, loads))
        if profile.fails:
            _sleep(FAILS_AFTER_S)
            raise ValueError("this card makes nothing")
        if loads:
            _sleep(profile.load_s)
            cls.loaded = ckpt_name
        _sleep(seconds / profile.speed, tell=True)
        path, entry = host().save_path(filename_prefix, "wav")
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(seed.to_bytes(4, "little") * (RATE_HZ // 10))
        self._note(Made("ended", time.monotonic(), filename_prefix, loads))
        return {"ui": {"audio": [entry]}, "result": ()}

    def _note(self, made: Made) -> None:
        with (self.BASE / WORK).open("a", encoding="utf8") as file:
            file.write(json.dumps(asdict(made)) + "\n")


def _sleep(seconds: float, *, tell: bool = False) -> None:
    """Sleep, and end early where the prompt is interrupted; `tell` reports how far it has come."""
    begun = time.monotonic()
    while (left := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(left, STEP_S))
        if tell:
            host().progress(min(99, int(100 * (time.monotonic() - begun) / seconds)), 100)
        else:
            host().check()


def sleeping(folders: Folders) -> dict[str, type[Any]]:
    """The table of a card whose file lies in the base folder of its host."""
    return {"SleepingSampler": type("SleepingSampler", (SleepingSampler,), {"BASE": folders.output.parent})}


def graph(model: str, seconds: float, prefix: str) -> dict[str, Any]:
    """A prompt that somebody sends to a card directly."""
    values = {"ckpt_name": f"{model}.safetensors", "seconds": seconds, "seed": 0, "filename_prefix": prefix}
    return {"1": {"class_type": "SleepingSampler", "inputs": values}}


def write_definitions(folder: Path, models: Sequence[str] = MODELS) -> Path:
    """Write an output for each model, of its name, whose parameter `seconds` says how long a take works."""
    about = {"input": SleepingSampler.INPUT_TYPES(), "output": [], "output_name": [], "output_node": True}
    listed = json.loads(json.dumps({"SleepingSampler": {**about, "category": "benchmark"}}))
    files: dict[str, Any] = {"tables/sleeping.json": NodeTable.from_object_info(listed).to_trimmed()}
    files["pipelines/sleeping.yaml"] = {
        "label": WORDS,
        "description": WORDS,
        "stages": [
            {"name": "interception", "kind": "text", "chunk": "interception"},
            {"name": "generation", "kind": "graph", "chunk": "$output"},
        ],
        "defaults": {"schema": "plain", "output_config": models[0]},
    }
    for model in models:
        files[f"graphs/{model}.json"] = graph(model, 1.0, "x")
        files[f"chunks/{model}.yaml"] = _chunk(model)
        config = {"label": WORDS, "description": WORDS, "pipeline": "sleeping", "chunk": model, "run_timeout_s": 3600}
        files[f"configs/output/{model}.yaml"] = config
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), "utf8")  # YAML takes JSON
    return folder


def _chunk(model: str) -> dict[str, Any]:
    seconds = {"type": "float", "min": 0, "max": 600, "step": 0.01, "default": 1, "description": WORDS}
    return {
        "kind": "graph",
        "description": WORDS,
        "graph": model,
        "parameters": {
            "seconds": {**seconds, "sets": ["1.seconds"]},
            "seed": {"type": "seed", "description": WORDS, "sets": ["1.seed"]},
        },
        "models": [{"node": "1", "input": "ckpt_name", "file": f"{model}.safetensors", "folder": "checkpoints"}],
        "outputs": [{"node": "1", "media": "audio", "format": "wav", "role": "main", "verify": {"silence": "allow"}}],
    }
