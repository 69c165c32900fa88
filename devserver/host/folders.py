"""A host's folders and the names of the files in them, by ComfyUI's rules."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

ANNOTATION = re.compile(r"^(?P<name>.*) \[(?P<type>output|input|temp)\]$", re.DOTALL)


class OutsideFolder(ValueError):
    """A name leads out of the folder that it was meant for."""


@dataclass(frozen=True)
class SaveTarget:
    """The target of a save node: ``<folder>/<name>_<counter>_.<ext>``; several files count up from `counter`."""

    folder: Path
    name: str
    counter: int
    subfolder: str
    type: str

    def file(self, ext: str, index: int = 0) -> tuple[Path, dict[str, str]]:
        """Return the path of file `index` of a batch, and its entry for ``ui``; `ext` has no dot."""
        filename = f"{self.name.replace('%batch_num%', str(index))}_{self.counter + index:05}_.{ext}"
        return self.folder / filename, {"filename": filename, "subfolder": self.subfolder, "type": self.type}


class Folders:
    """``input``, ``output`` and ``temp`` below one base folder."""

    def __init__(self, base: Path) -> None:
        self.base = Path(os.path.abspath(base))  # noqa: PTH100 - absolute, but with the user's symbolic links
        self.input, self.output, self.temp = (self.base / name for name in ("input", "output", "temp"))

    def create(self) -> None:
        """Make the folders; delete the files that an earlier host left in ``temp``."""
        shutil.rmtree(self.temp, ignore_errors=True)
        for folder in (self.input, self.output, self.temp):
            folder.mkdir(parents=True, exist_ok=True)

    def of_type(self, name: str) -> Path | None:
        return {"input": self.input, "output": self.output, "temp": self.temp}.get(name)

    def split_annotation(self, name: str) -> tuple[str, Path | None]:
        """Split ``"tone.wav [output]"`` into the name and the folder in brackets, None without one."""
        match = ANNOTATION.match(name)
        return (match["name"], self.of_type(match["type"])) if match else (name, None)

    def input_file(self, name: str) -> Path:
        """Return the file that a loader's value names: in ``input`` unless annotated otherwise.

        Raises:
            OutsideFolder: the name leads out of its folder.
        """
        plain, folder = self.split_annotation(name)
        return path_inside(folder or self.input, plain)

    def save_target(self, prefix: str, type_: str = "output", width: int = 0, height: int = 0) -> SaveTarget:
        """Return the next free name for `prefix`: its last part is the name, the rest a sub-folder, which is created.

        The counter is one more than the highest of this name, over all extensions.

        Raises:
            OutsideFolder: the prefix leads out of the folder.
        """
        root = self.of_type(type_)
        if root is None:
            raise ValueError(f"type is {type_!r}; allowed are input, output, temp")
        relative = os.path.normpath(_fill_tokens(prefix, width, height))
        subfolder, name = os.path.split(relative)
        folder = path_inside(root, subfolder)
        folder.mkdir(parents=True, exist_ok=True)
        # Before %batch_num% is filled in, as in ComfyUI.
        taken = re.compile(re.escape(name) + r"_(\d+)", re.IGNORECASE)
        numbers = (int(match[1]) for entry in os.scandir(folder) if (match := taken.match(entry.name)))
        return SaveTarget(folder, name, max(numbers, default=0) + 1, subfolder, type_)


def path_inside(root: Path, relative: str) -> Path:
    """Return ``root/relative``; absolute names and ``..`` must stay inside the root, and links are not followed.

    Raises:
        OutsideFolder: the result does not lie in root.
    """
    path = Path(os.path.abspath(root / relative))  # noqa: PTH100 - resolve() would follow a linked output folder
    if not path.is_relative_to(root):
        raise OutsideFolder(f"{relative!r} leads out of the folder {root.name}")
    return path


def _fill_tokens(prefix: str, width: int, height: int) -> str:
    if "%" not in prefix:
        return prefix
    now = time.localtime()
    tokens = {
        "width": str(width),
        "height": str(height),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for token, value in tokens.items():
        prefix = prefix.replace(f"%{token}%", value)
    return prefix
