"""Where the graphs are that ComfyUI ships as examples: the package of the extra `templates`, or TEMPLATES_DIR."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

FAMILIES = ("ace_step", "stable_audio", "ltx", "wan")


def folder() -> Path | None:
    given = os.environ.get("TEMPLATES_DIR")
    if given:
        return Path(given)
    package = importlib.util.find_spec("comfyui_workflow_templates")
    return Path(package.origin).parent / "templates" if package and package.origin else None


def graphs() -> list[Path]:
    """Those of the models that make sound and video."""
    found = folder()
    return sorted(path for path in found.glob("*.json") if any(part in path.name for part in FAMILIES)) if found else []
