"""The recorded node table, and small graphs as ComfyUI's page saves them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from schemas.nodes import NodeTable
from tests.importing import templates

# What needs the examples, or a real ComfyUI.
NEEDS = {"test_templates.py": templates.folder(), "test_real.py": os.environ.get("COMFYUI_URL")}
collect_ignore = [name for name, needed in NEEDS.items() if not needed]
TABLE_FILE = Path(__file__).with_name("comfyui_classes.json")


@pytest.fixture(scope="session")
def table() -> NodeTable:
    """All 382 classes of a ComfyUI 0.3.64, as they were recorded from one without any model."""
    return NodeTable.from_json(json.loads(TABLE_FILE.read_text()))


@pytest.fixture(scope="session")
def song() -> dict[str, Any]:
    """A graph in API form that sings."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "ace_step_v1_3.5b.safetensors"}},
        "2": {
            "class_type": "TextEncodeAceStepAudio",
            "inputs": {"clip": ["1", 1], "tags": "folk, flute", "lyrics": "[verse]\nla", "lyrics_strength": 0.99},
            "_meta": {"title": "The song"},
        },
        "3": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["2", 0]}},
        "4": {"class_type": "EmptyAceStepLatentAudio", "inputs": {"seconds": 20, "batch_size": 1}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": 7,
                "steps": 50,
                "cfg": 5.0,
                "sampler_name": "euler",
                "scheduler": "simple",
                "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecodeAudio", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {
            "class_type": "SaveAudioMP3",
            "inputs": {"audio": ["6", 0], "filename_prefix": "audio/ComfyUI", "quality": "V0"},
        },
    }
