"""The node that draws a waveform's outline for players."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .host import host
from .measure.peaks import Peaks

BLOCK_SECONDS = 1.0


class TonewrightPeaks:
    """Audio to a JSON file of peaks (audiowaveform's version 2), one for each clip of a batch.

    The text is the document; for a batch of several clips a list of them.
    """

    DISPLAY_NAME = "Peaks (Tonewright)"
    CATEGORY = "tonewright/measure"
    DESCRIPTION = "Writes the outline of a waveform as audiowaveform JSON, version 2, as players in a browser draw it."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("peaks",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "audio": ("AUDIO", {}),
                "points": ("INT", {"default": 2000, "min": 2, "max": 100_000}),
                "bits": (["8", "16"], {"default": "8"}),
                "split_channels": ("BOOLEAN", {"default": False}),
                "filename_prefix": ("STRING", {"default": "peaks/tonewright"}),
            }
        }

    def run(
        self, audio: Mapping[str, Any], points: int, bits: str, split_channels: bool, filename_prefix: str
    ) -> dict[str, Any]:
        waveform, rate = audio["waveform"], int(audio["sample_rate"])
        clips, channels, length = waveform.shape
        block = max(1, round(BLOCK_SECONDS * rate))
        total = clips * -(-length // block)
        documents, entries = [], []
        for index, clip in enumerate(waveform):
            peaks = Peaks(
                rate,
                points=points,
                bits=8 if bits == "8" else 16,
                channels=channels if split_channels else 1,
                length_samples=length,
            )
            for number, start in enumerate(range(0, length, block)):
                peaks.add(clip[:, start : start + block])
                host().progress(index * total // clips + number + 1, total)
            document = peaks.json()
            path, entry = host().save_path(filename_prefix, "json")
            path.write_text(document, encoding="utf-8")
            documents.append(document)
            entries.append(entry)
        text = documents[0] if clips == 1 else json.dumps([json.loads(document) for document in documents])
        return {"ui": {"peaks": entries}, "result": (text,)}
