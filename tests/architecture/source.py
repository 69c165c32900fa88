"""The source as the rules see it: modules, their rooms, and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# What each room may import.
ROOMS: dict[str, dict[str, list[str]]] = yaml.safe_load(
    Path(__file__).with_name("rooms.yaml").read_text(encoding="utf-8")
)
OURS = {room.split(".")[0] for room in ROOMS}
COMFYUI_WRAPPER = Path("devserver/nodes/comfyui.py")  # runs only inside a real ComfyUI: torch and its modules are there
FREE = {"tests", "benchmarks"}  # they may import everything; the limits on size hold for them too


def room_of(module: str) -> str | None:
    """The room that a module belongs to: the longest name that fits it."""
    return max((room for room in ROOMS if module == room or module.startswith(f"{room}.")), key=len, default=None)


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> str:
    return ".".join(path.parent.parts)


def imports(tree: ast.AST, path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported name as an absolute dotted name; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package_of(path).split(".")[: 1 - node.level or None] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            yield from ((node, f"{start}.{alias.name}") for alias in node.names)


def sources(root: Path) -> list[Path]:
    """Every Python file that the rules are for."""
    found = [
        file for top in OURS | FREE for file in [root / f"{top}.py", *(root / top).rglob("*.py")] if file.is_file()
    ]
    return sorted(file.relative_to(root) for file in found)


def written(root: Path, path: str, source: str) -> Path:
    """Write one file of a project that has nothing else."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source, encoding="utf-8")
    return Path(path)
