"""Packages with entry points, put where Python finds them; and the sample of docs/stages.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.doubles.programs import ROOT

PAGE: Final = (ROOT / "docs/stages.md").read_text("utf-8").partition("## How to add a stage kind")[2]


def install(folder: Path, name: str, files: Mapping[str, str], points: Mapping[str, Mapping[str, str]]) -> None:
    """Put a package where Python finds it, with the entry points of its pyproject.toml."""
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in own.items()) for group, own in points.items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def kind_module(name: str) -> str:
    """A module with a kind of another name."""
    return block("python").replace('name = "signature"', f'name = "{name}"')
