"""The folders of definitions that installed packages bring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from devserver.installed.points import DEFINITIONS, load_entry_points, refuse
from schemas.loader import FOLDERS


def installed_folders(own: Sequence[Path]) -> list[Path]:
    """Return the folders of installed packages; one with a definition that another one or `own` has is left out."""
    folders: list[tuple[str, Path]] = []
    for one in load_entry_points(DEFINITIONS):
        folder = _folder(one.value)
        if folder is None or not folder.is_dir():
            refuse(one.package, f"{one.name} is no folder of definitions: it must be a module or a path")
        else:
            folders.append((one.package, folder))
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for package, folder in [*(("tonewright", folder) for folder in own), *folders]:
        for key in _names(folder):
            users[key].append(package)
    clashing = {key: names for key, names in users.items() if len(set(names)) > 1}
    for (kind, name), names in clashing.items():
        refuse(" and ".join(dict.fromkeys(names)), f"the {kind} {name} is brought more than once; no folder is used")
    refused = {package for names in clashing.values() for package in names}
    return [folder for package, folder in folders if package not in refused]


def _folder(value: object) -> Path | None:
    if isinstance(value, ModuleType):
        return Path(next(iter(value.__path__))) if hasattr(value, "__path__") else None
    return Path(value) if isinstance(value, str | Path) else None


def _names(folder: Path) -> Iterator[tuple[str, str]]:
    for kind, (place, suffixes) in FOLDERS.items():
        yield from ((kind, path.stem) for path in (folder / place).glob("*") if path.suffix in suffixes)
