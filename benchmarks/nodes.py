"""The table of the benchmark's backend: ComfyUI's own audio nodes, but saving takes as long as the sound is long.

So a graph of a second takes a second, without using the processor: what is measured is what happens around it.
"""

from __future__ import annotations

import time
from typing import Any

from devserver.host import stock
from devserver.host.folders import Folders
from devserver.host.stock.audio import SaveAudio, SaveAudioMP3
from devserver.host.stock.sound import Audio
from devserver.host.tables import embedded_table

CLOSED = "closed"  # in a node's result: when it had closed its file, by the clock that all processes share


def paced(folders: Folders) -> dict[str, type[Any]]:
    """A graph takes as long as its sound."""
    return _table(folders, 1.0)


def instant(folders: Folders) -> dict[str, type[Any]]:
    """A graph takes what encoding takes."""
    return _table(folders, 0.0)


def mixed(folders: Folders) -> dict[str, type[Any]]:
    """Paced sounds beside our own nodes, which take what the processor takes."""
    return {**embedded_table(folders), **paced(folders)}


def _table(folders: Folders, pace: float) -> dict[str, type[Any]]:
    saving = {cls.__name__: _timed(cls, folders, pace) for cls in (SaveAudio, SaveAudioMP3)}
    return {**stock.node_table(folders), **saving}


def _timed(cls: type[Any], folders: Folders, pace: float) -> type[Any]:
    def save(self: Any, audio: Audio, *args: Any, **inputs: Any) -> dict[str, Any]:
        time.sleep(pace * audio["waveform"].shape[-1] / audio["sample_rate"])
        said: dict[str, Any] = cls.save(self, audio, *args, **inputs)
        said["ui"][CLOSED] = [time.monotonic()]
        return said

    return type(cls.__name__, (cls,), {"folders": folders, "save": save})
