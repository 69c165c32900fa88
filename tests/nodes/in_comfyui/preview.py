"""ComfyUI's node that shows a text, for our host: so that a text which a node makes can be seen in both."""

from __future__ import annotations

from typing import Any

from devserver.host.folders import Folders
from devserver.host.tables import embedded_table


class PreviewAny:
    FUNCTION = "main"
    OUTPUT_NODE = True
    CATEGORY = "utils"
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"source": ("STRING", {"forceInput": True})}}

    def main(self, source: str) -> dict[str, Any]:
        return {"ui": {"text": [source]}, "result": ()}


def table(folders: Folders) -> dict[str, type[Any]]:
    return {**embedded_table(folders), "PreviewAny": PreviewAny}
