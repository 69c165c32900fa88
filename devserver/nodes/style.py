"""The node that describes a reference so that something alike can be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .host import host
from .measure.style import HEARD_SECONDS, listen, style_of


class TonewrightStyle:
    """Audio to a brief (JSON) and to the same in words, as a text for TonewrightCompose.

    For a batch of several clips the brief is a list, and the text has a line for each.
    """

    DISPLAY_NAME = "Style (Tonewright)"
    CATEGORY = "tonewright/measure"
    DESCRIPTION = (
        "Describes a reference from its samples alone: genre (a guess with its confidence), tempo, key, energy, "
        "brightness, density, loudness, length; as JSON, and as a text to compose from."
    )
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("brief", "prompt")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"audio": ("AUDIO", {})}}

    def run(self, audio: Mapping[str, Any]) -> dict[str, Any]:
        waveform, rate = audio["waveform"], int(audio["sample_rate"])
        clips, _, length = waveform.shape
        total, done = int(clips * (20 + HEARD_SECONDS + 4 * length / rate)), 0

        def tick() -> None:
            nonlocal done
            done = min(done + 1, total - 1)
            host().progress(done, total)

        styles = [style_of(listen(clip, rate, tick)) for clip in waveform]
        host().progress(total, total)
        briefs = [style.model_dump(mode="json") for style in styles]
        prompt = "\n".join(style.prompt for style in styles)
        text = json.dumps(briefs if clips > 1 else briefs[0])
        return {"ui": {"tonewright": briefs, "text": [prompt]}, "result": (text, prompt)}
