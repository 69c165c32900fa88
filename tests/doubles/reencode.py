"""A definition of a user's own with a file in it: a recording in, an MP3 out."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import numpy as np

GRAPH = {
    "1": {"class_type": "LoadAudio", "inputs": {"audio": "none.wav"}},
    "2": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["1", 0], "filename_prefix": "x", "quality": "V0"}},
}
TEXT = {"en": "x", "de": "x"}
CHUNK = {
    "kind": "graph",
    "description": TEXT,
    "graph": "reencode",
    "parameters": {"audio": {"type": "file", "description": TEXT, "sets": ["1.audio"]}},
    "outputs": [{"node": "2", "media": "audio", "format": "mp3"}],
}
OUTPUT = {"label": TEXT, "description": TEXT, "pipeline": "text_to_audio", "chunk": "reencode", "run_timeout_s": 60}


def written(folder: Path) -> Path:
    """LoadAudio -> SaveAudioMP3 as the definitions in a folder (JSON is YAML); returns the folder."""
    for name, content in (("graphs/x.json", GRAPH), ("chunks/x.yaml", CHUNK), ("configs/output/x.yaml", OUTPUT)):
        path = folder / name.replace("x.", "reencode.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def tone(hz: float, seconds: float = 1.0) -> bytes:
    """A sine as WAV."""
    samples = (np.sin(np.arange(round(44100 * seconds)) * 2 * np.pi * hz / 44100) * 16000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44100)
        out.writeframes(samples.tobytes())
    return file.getvalue()
