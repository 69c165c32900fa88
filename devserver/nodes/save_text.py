"""The node that keeps a text, such as a report, as a file."""

from __future__ import annotations

from typing import Any

from .host import host


class TonewrightSaveText:
    """Text to a file in UTF-8."""

    DISPLAY_NAME = "Save text (Tonewright)"
    CATEGORY = "tonewright/measure"
    DESCRIPTION = "Writes a text to a file: the report of an analysis as JSON, or plain text."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "text": ("STRING", {"multiline": True, "forceInput": True}),
                "format": (["json", "txt"], {"default": "json"}),
                "filename_prefix": ("STRING", {"default": "text/tonewright"}),
            }
        }

    def run(self, text: str, format: str, filename_prefix: str) -> dict[str, Any]:  # noqa: A002 - the input's name
        host().check()
        path, entry = host().save_path(filename_prefix, format)
        path.write_text(text, encoding="utf-8")
        return {"ui": {"files": [entry]}, "result": ()}
