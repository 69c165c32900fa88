"""A small set of valid definitions, to be broken in one place by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.catalog import Catalog
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.loading import load_catalog

SHIPPED = Path(__file__).parents[2] / "schemas"
CHUNK = """\
kind: graph
description: {en: A tone., de: Ein Ton.}
graph: tone
parameters:
  prompt:
    type: text
    description: {en: Words., de: Wörter.}
    sets: [1.prompt]
  seconds:
    type: float
    unit: s
    min: 1
    max: 600
    default: 30
    description: {en: Length., de: Länge.}
    sets: [1.seconds]
  quality:
    type: choice
    choices: [V0, 128k]
    default: V0
    description: {en: Bit rate., de: Bitrate.}
    sets: [3.quality]
  seed:
    type: seed
    description: {en: Seed., de: Startwert.}
    sets: [1.seed]
outputs:
  - {node: "3", media: audio, format: mp3}
"""
GRAPH = """\
{
  "1": {
    "class_type": "TonewrightCompose",
    "inputs": {
      "prompt": "", "genre": "auto", "bpm": 0, "key": "auto", "mood": "auto", "instruments": "",
      "seconds": 30,
      "seed": 0
    }
  },
  "2": {"class_type": "TonewrightSynthesise", "inputs": {"song": ["1", 0]}},
  "3": {
    "class_type": "SaveAudioMP3",
    "inputs": {"audio": ["2", 0], "filename_prefix": "x", "quality": "V0", "audioUI": ""}
  }
}
"""
SAFETY = """\
kind: text
step: safety
description: {en: Checks., de: Prüft.}
llm: {instruction: Judge.}
fail_closed: [kids]
"""
TERMS = """\
category: manners
language: en
label: {en: manners, de: Benehmen}
terms:
  adult: [worst]
  kids: [bad]
innocent: [bad nauheim]
"""
PIPELINE = """\
label: {en: Line, de: Reihe}
description: {en: A line., de: Eine Reihe.}
stages:
  - {name: safety, kind: text, chunk: safety}
  - {name: generation, kind: graph, chunk: $output}
defaults:
  schema: plain
  output_config: tone
"""
PLAIN = """\
label: {en: Plain, de: Schlicht}
description: {en: As it is., de: Wie es ist.}
rule: {kind: plain}
"""
OUTPUT = """\
label: {en: Tone, de: Ton}
description: {en: A tone., de: Ein Ton.}
pipeline: line
chunk: tone
values:
  prompt: ${text}
  seconds: 12.5
run_timeout_s: 60
"""
PICTURE = """\
kind: graph
description: {en: A picture., de: Ein Bild.}
graph: picture
outputs:
  - {node: "2", media: image, format: png}
"""
PICTURE_GRAPH = """\
{
  "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
  "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
}
"""
FILES = {
    "chunks/picture.yaml": PICTURE,
    "graphs/picture.json": PICTURE_GRAPH,
    "configs/output/picture.yaml": OUTPUT.split("values:", maxsplit=1)[0].replace("chunk: tone", "chunk: picture")
    + "run_timeout_s: 60\n",
    "chunks/tone.yaml": CHUNK,
    "chunks/safety.yaml": SAFETY,
    "terms/manners_en.yaml": TERMS,
    "graphs/tone.json": GRAPH,
    "pipelines/line.yaml": PIPELINE,
    "configs/interception/plain.yaml": PLAIN,
    "configs/output/tone.yaml": OUTPUT,
    "configs/output/spare.yaml": OUTPUT,
}
# How a backend describes the same classes: combos in the old style, in the new one, and without any model installed.
LIVE: dict[str, Any] = {
    "OldSave": {
        "input": {
            "required": {
                "audio": ["AUDIO", {"tooltip": "what to save"}],
                "filename_prefix": ["STRING", {"default": "audio"}],
                "quality": [["V0", "128k"], {"default": "V0"}],
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        },
        "input_order": {"required": ["audio", "filename_prefix", "quality"]},
        "output": [],
        "output_name": [],
        "output_node": True,
        "category": "audio",
        "display_name": "Save",
        "python_module": "nodes",
    },
    "NewSave": {
        "input": {
            "required": {"video": ["VIDEO", {}]},
            "optional": {"format": ["COMBO", {"default": "auto", "options": ["auto", "mp4"]}]},
        },
        "output": ["VIDEO"],
        "output_name": ["video"],
        "output_node": True,
        "category": "image/video",
    },
    "Loader": {
        "input": {"required": {"ckpt_name": [["sub/a.safetensors", "b.ckpt"]], "steps": ["INT", {"min": 1, "max": 9}]}},
        "output": [["euler", "ddim"], "MODEL"],
        "category": "loaders",
    },
    "LoadAudio": {
        "input": {"required": {"audio": [["one.wav"], {"audio_upload": True}]}},
        "output": ["AUDIO"],
        "category": "audio",
    },
    "Growing": {"input": {"required": {"images": ["COMFY_AUTOGROW_V3", {}]}}, "output": ["COMFY_MATCHTYPE_V3"]},
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the small definitions below the working folder; `patches` replace text in one of the files."""
    monkeypatch.chdir(tmp_path)

    def write_files(folder: str = "defs", **files: str) -> Path:
        for name, text in (files or FILES).items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Path(folder)

    return write_files


@pytest.fixture(scope="session")
def tables() -> dict[str, NodeTable]:
    return load_tables([SHIPPED])


@pytest.fixture(scope="session")
def shipped(tables: dict[str, NodeTable]) -> Catalog:
    return load_catalog([SHIPPED], tables)


@pytest.fixture
def live() -> NodeTable:
    return NodeTable.from_object_info(LIVE)
