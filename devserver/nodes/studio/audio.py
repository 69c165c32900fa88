"""AUDIO between nodes, as the studio takes it, and its progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..host import host

Samples = NDArray[np.float32]

STRETCH = 32_768  # samples of one step of work


class Work:
    """Tells the host how far a node is; one `tick` for each stretch of sound that one of its passes has done."""

    def __init__(self, samples: int, passes: float) -> None:
        self._total = max(2, int((samples / STRETCH + 4) * passes))
        self._done = 0
        host().progress(0, self._total)

    def tick(self) -> None:
        self._done = min(self._done + 1, self._total - 1)
        host().progress(self._done, self._total)

    def end(self) -> None:
        host().progress(self._total, self._total)


def sounds_in(audio: Mapping[str, Any], name: str = "audio") -> tuple[list[Samples], int]:
    """Return the sounds of an AUDIO, float32 [C, T] each, read-only, and their rate in Hz.

    Raises:
        ValueError: no sound, an empty one, or one that is neither mono nor stereo.
    """
    waveform, rate = np.asarray(audio["waveform"], np.float32), int(audio["sample_rate"])
    if waveform.ndim != 3 or waveform.shape[1] not in {1, 2} or 0 in waveform.shape:
        raise ValueError(
            f"{name} has the form {waveform.shape}; allowed are sounds of 1 or 2 channels with at least one sample"
        )
    if not np.isfinite(waveform).all():
        raise ValueError(f"{name} holds samples that are not numbers")
    return list(waveform), rate


def sound_in(audio: Mapping[str, Any], name: str = "audio") -> tuple[Samples, int]:
    """Return the only sound of an AUDIO. Raises ValueError as `sounds_in`, and where there are more."""
    sounds, rate = sounds_in(audio, name)
    if len(sounds) != 1:
        raise ValueError(f"{name} holds {len(sounds)} sounds; allowed is one at a time")
    return sounds[0], rate


def audio_of(sounds: list[Samples], sample_rate_hz: int) -> dict[str, Any]:
    """Sounds of one length as AUDIO."""
    return {"waveform": np.stack(sounds), "sample_rate": sample_rate_hz}


def stretches(sound: Samples) -> Iterator[tuple[int, Samples]]:
    """Yield each stretch of the sound with its start."""
    return ((start, sound[:, start : start + STRETCH]) for start in range(0, sound.shape[1], STRETCH))
