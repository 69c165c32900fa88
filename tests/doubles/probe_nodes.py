"""Nodes that behave badly or oddly, for tests of what runs them."""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar

import numpy as np

from devserver.host import stock
from devserver.host.folders import Folders
from devserver.nodes.host import host


class _Probe:
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"seed": ("INT", {"default": 0})}}


class ProbeDeaf(_Probe):
    """Says that it begins, works for a minute and never looks up."""

    def run(self, seed: int) -> tuple[()]:
        host().progress(0, 1)
        time.sleep(60 + seed)
        return ()


class ProbeBusy(_Probe):
    """Works for a minute in small steps, as a node should."""

    def run(self, seed: int) -> tuple[()]:
        for step in range(6000):
            host().progress(step, 6000)
            time.sleep(0.01 + seed / 1e6)
        return ()


class ProbeSwallows(_Probe):
    """Catches everything around its progress: the cancel is lost, as in ComfyUI."""

    def run(self, seed: int) -> tuple[()]:
        for step in range(50 + seed % 10):
            try:
                host().progress(step, 60)
            except Exception:  # noqa: BLE001 - the mistake that is tried here
                return ()
            time.sleep(0.01)
        return ()


class ProbeDies(_Probe):
    def run(self, seed: int) -> tuple[()]:
        os._exit(7 + seed % 1)


class ProbeSays(_Probe):
    """Says something to the user interface that no host can pass on."""

    WORDS: ClassVar[list[Any]] = [[float("nan")], [np.float32(1.0)], "abc", {"peak": 1}, [1.0]]

    def run(self, seed: int) -> dict[str, Any]:
        return {"ui": {"word": self.WORDS[seed]}}


class ProbeCounts(_Probe):
    """Keeps a count in itself, which must not outlive one call."""

    def __init__(self) -> None:
        self.calls = 0

    def run(self, seed: int) -> dict[str, Any]:
        self.calls += 1
        return {"ui": {"calls": [self.calls], "seed": [seed]}}


class ProbeFast(_Probe):
    """Reports ten thousand steps within a moment."""

    def run(self, seed: int) -> tuple[()]:
        for step in range(10_000):
            host().progress(step + 1, 10_000 + seed * 0)
        return ()


class ProbeList(_Probe):
    """Three numbers as a list output."""

    OUTPUT_NODE = False
    RETURN_TYPES = ("INT",)
    OUTPUT_IS_LIST = (True,)

    def run(self, seed: int) -> tuple[list[int]]:
        return ([seed, seed + 1, seed + 2],)


class ProbeWrites(_Probe):
    """Writes into the audio that it was given."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"audio": ("AUDIO",)}}

    def run(self, audio: dict[str, Any]) -> tuple[()]:
        audio["waveform"] *= 2
        return ()


class ProbeAlways(_Probe):
    """Must run again each time."""

    @classmethod
    def IS_CHANGED(cls, seed: int) -> float:
        return float("nan") * (seed + 1)

    def run(self, seed: int) -> dict[str, Any]:
        return {"ui": {"seed": [seed]}}


class ProbePieces(_Probe):
    """Hands out two pieces of its sound before it is done."""

    def run(self, seed: int) -> dict[str, Any]:
        for index in (0, 1):
            path, entry = host().temp_path(f"pieces/{seed}", "wav")
            path.write_bytes(bytes([index]) * 3)
            host().partial(index, entry)
        return {"ui": {"seed": [seed]}}


PROBES = (
    ProbePieces,
    ProbeDeaf,
    ProbeBusy,
    ProbeSwallows,
    ProbeDies,
    ProbeSays,
    ProbeCounts,
    ProbeFast,
    ProbeList,
    ProbeWrites,
    ProbeAlways,
)


def table(folders: Folders) -> dict[str, type[Any]]:
    """The probes beside the stand-ins."""
    return {**stock.node_table(folders), **{probe.__name__: probe for probe in PROBES}}
