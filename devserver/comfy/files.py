"""The files that a prompt has made, read from its outputs; folders and names from a backend are never trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from devserver.comfy.errors import BackendError, UnsafePath
from schemas.json_values import Json, read_object, read_text

DRIVE = re.compile(r"[A-Za-z]:")
LONGEST_PATH = 1000  # characters; systems take names of 255 bytes
MOST_FILES = 10_000  # of one prompt: the single pictures of a film of several minutes


@dataclass(frozen=True)
class RemoteFile:
    """A file as a backend names it: `key` is the result key that listed it, `type` is output or temp.

    `name` is the node's own name for it besides the filename ("drums"), or ''.

    Raises:
        UnsafePath: the name would lead outside of the backend's folder.
    """

    node_id: str
    key: str
    filename: str
    subfolder: str = ""
    type: str = "output"
    name: str = ""

    def __post_init__(self) -> None:
        folder, name = self.subfolder.replace("\\", "/"), self.filename.replace("\\", "/")
        parts = PurePosixPath(folder, name)
        if len(folder) + len(name) > LONGEST_PATH:
            raise UnsafePath(f"the backend names a file by {len(folder) + len(name)} characters: {name[:80]!r}...")
        plain = name not in {"", ".", ".."} and "/" not in name and "\0" not in f"{folder}{name}"
        if not plain or parts.is_absolute() or ".." in parts.parts or DRIVE.match(str(parts)):
            raise UnsafePath(f"the backend names the file {self.subfolder!r} / {self.filename!r}, outside its folder")

    @property
    def path(self) -> str:
        """Return folder and name, with slashes, below the folder of its type."""
        return str(PurePosixPath(self.subfolder.replace("\\", "/"), self.filename))

    def query(self) -> dict[str, str]:
        """Return the parameters of `/view`, in the backend's own spelling."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}

    def below(self, folder: Path) -> Path:
        """Return the path of the file below a shared folder, with symbolic links resolved.

        Raises:
            UnsafePath: it would lie outside.
        """
        root = folder.resolve()
        place = (root / self.path).resolve()
        if not place.is_relative_to(root):
            raise UnsafePath(f"the backend's file {self.path!r} is a link to outside of {folder}")
        return place


def files_of(outputs: Mapping[str, Json]) -> list[RemoteFile]:
    """Return every file that a prompt's outputs list, in their order, under any result key.

    Node packs write `audio`, `images`, `gifs`, `video`, `files`, `3d`; only `filename` counts. Temporary files
    (previews) are returned only if there are no others. A file that is listed twice is returned once.

    Raises:
        UnsafePath: as `RemoteFile` says.
        BackendError: there are implausibly many.
    """
    listed = list(islice(_entries(outputs), MOST_FILES + 1))
    if len(listed) > MOST_FILES:
        raise BackendError(f"the backend names more than {MOST_FILES} files as results of one prompt")
    for kind in ("output", "temp"):
        files = [file for file in listed if file.type == kind]
        if files:
            return files
    return []


def _entries(outputs: Mapping[str, Json]) -> Iterator[RemoteFile]:
    seen: set[tuple[str, str, str]] = set()
    for node_id, result in outputs.items():
        for key, value in read_object(result).items():
            for entry in map(read_object, value if isinstance(value, list) else [value]):
                if not isinstance(filename := entry.get("filename"), str):
                    continue
                file = RemoteFile(
                    node_id=node_id,
                    key=key,
                    filename=filename,
                    subfolder=read_text(entry.get("subfolder")),
                    type=read_text(entry.get("type")) or "output",
                    name=read_text(entry.get("name")),
                )
                place = (file.type, file.subfolder, file.filename)
                if place not in seen:
                    seen.add(place)
                    yield file
