"""Which media a `file` parameter takes: those that the node it goes to can load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.model import Media, Parameter

# ComfyUI's own loaders, and the usual pack for video. A class that is not here may load anything.
LOADS: Mapping[str, tuple[Media, ...]] = {
    "LoadAudio": ("audio", "video"),  # of a video its sound
    "LoadImage": ("image",),
    "LoadImageMask": ("image",),
    "LoadVideo": ("video",),
    "VHS_LoadAudioUpload": ("audio", "video"),
    "VHS_LoadVideo": ("video",),
}


def accepts(parameter: Parameter, graph: Mapping[str, Any]) -> tuple[Media, ...]:
    """The media that every node which the parameter goes to can load; () where that is not known."""
    taken = [LOADS.get(str(graph.get(target.node, {}).get("class_type")), ()) for target in parameter.sets]
    return tuple(media for media in taken[0] if all(media in other for other in taken))
