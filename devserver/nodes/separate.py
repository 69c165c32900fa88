"""The node that takes a mix apart, as far as that is possible without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .host import host
from .measure.separation import layers

LAYERS = ("percussive", "bass", "harmonic")


class TonewrightSeparate:
    """Audio to three layers that add up to it: what is struck, what is low and sustained, and the rest."""

    DISPLAY_NAME = "Separate, preview (Tonewright)"
    CATEGORY = "tonewright/measure"
    DESCRIPTION = (
        "A preview of a mix's layers: percussive, bass and harmonic, by median filters and a crossover; no model, so "
        "no voices and no instruments. The three add up to the input. Where the generator has true stems (Render, "
        "Synthesise), take these instead."
    )
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("AUDIO",) * 3
    RETURN_NAMES = tuple(f"{layer}_preview" for layer in LAYERS)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"audio": ("AUDIO", {})}}

    def run(self, audio: Mapping[str, Any]) -> dict[str, Any]:
        waveform, rate = audio["waveform"], int(audio["sample_rate"])
        made: list[tuple[Any, ...]] = []

        def progress(done: int, total: int) -> None:
            host().progress(len(made) * total + done, len(waveform) * total)

        for clip in waveform:
            made.append(layers(clip, rate, progress))  # noqa: PERF401 - progress counts them as they are made
        reports = [_report(clip, parts) for clip, parts in zip(waveform, made, strict=True)]
        sounds = (np.stack(layer) for layer in zip(*made, strict=True))
        result = tuple({"waveform": sound, "sample_rate": rate} for sound in sounds)
        return {"ui": {"tonewright": reports}, "result": result}


def _report(clip: Any, parts: tuple[Any, ...]) -> dict[str, Any]:
    whole = float(np.square(clip, dtype=np.float64).sum())
    powers = [float(np.square(part, dtype=np.float64).sum()) for part in parts]
    return {
        "preview": True,
        "method": "median filters over the spectrogram; a crossover at 160 Hz",
        "layers": list(LAYERS),
        "power_share": {
            layer: round(power / whole, 4) if whole else 0.0 for layer, power in zip(LAYERS, powers, strict=True)
        },
    }
