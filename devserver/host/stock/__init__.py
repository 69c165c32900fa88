"""Stand-ins for ComfyUI's own nodes, with its names and behaviour."""

from __future__ import annotations

from devserver.host.folders import Folders
from devserver.host.node_class import Table


def node_table(folders: Folders) -> Table:
    """Return every stand-in by its class name, bound to the folders that it reads and writes."""
    from devserver.host.stock import audio, image, video

    classes = (*audio.CLASSES, *image.CLASSES, *video.CLASSES)
    return {
        cls.__name__: type(cls.__name__, (cls,), {"folders": folders, "__module__": cls.__module__}) for cls in classes
    }
