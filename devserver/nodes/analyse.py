"""The node that measures music."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .host import host
from .measure.listen import analyse


class TonewrightAnalyse:
    """Measures audio. The report is a JSON object; for a batch of several clips a list of them."""

    DISPLAY_NAME = "Analyse (Tonewright)"
    CATEGORY = "tonewright/measure"
    DESCRIPTION = (
        "Measures from the samples alone: loudness (integrated, short-term, range), true peak, tempo, key, brightness, "
        "stereo picture, onsets, silence, clipping, DC, dropouts, bandwidth, length."
    )
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("report",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"audio": ("AUDIO", {})}}

    def run(self, audio: Mapping[str, Any]) -> dict[str, Any]:
        waveform, sample_rate_hz = audio["waveform"], int(audio["sample_rate"])
        clips, _, length = waveform.shape
        total, done = int(clips * (12 + 4 * length / sample_rate_hz)), 0

        def tick() -> None:
            nonlocal done
            done = min(done + 1, total - 1)
            host().progress(done, total)

        reports = [analyse(clip, sample_rate_hz, tick).model_dump(mode="json") for clip in waveform]
        host().progress(total, total)
        return {"ui": {"analysis": reports}, "result": (json.dumps(reports if clips > 1 else reports[0]),)}
