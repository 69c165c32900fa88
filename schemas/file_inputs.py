"""The media that a `file` parameter accepts: those that its node can load."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.graph import Graph
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


def accepted_media(parameter: Parameter, graph: Graph) -> tuple[Media, ...]:
    """Return the media that every node which the parameter goes to can load; () where that is not known."""
    nodes = [graph.get(target.node) for target in parameter.sets]
    taken = [LOADS.get(node["class_type"], ()) if node else () for node in nodes]
    return tuple(media for media in taken[0] if all(media in other for other in taken))
