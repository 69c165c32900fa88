"""Files over HTTP: /view sends them, /upload/image receives them."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import shutil
from pathlib import Path
from typing import IO

from devserver.host.folders import Folders, OutsideFolder, path_inside

BLOCK_BYTES = 1 << 20
# The same on every machine, independent of its own table.
MIME_TYPES = {
    ".flac": "audio/flac",
    ".json": "application/json",
    ".mid": "audio/midi",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".png": "image/png",
    ".wav": "audio/wav",
    ".webm": "video/webm",
}
# A browser would run these.
DOWNLOAD_ONLY = {"text/html", "application/xhtml+xml", "text/javascript", "text/css", "image/svg+xml"}


class Refused(Exception):
    """A request for a file that is answered with this status and no body."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def mime_type(name: str) -> str:
    kind = MIME_TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or ""
    return "application/octet-stream" if not kind or kind in DOWNLOAD_ONLY else kind


def view_path(folders: Folders, query: dict[str, str]) -> Path:
    """Return the file that a query for /view names.

    Raises:
        Refused: 404 without such a file, 400 or 403 if the query leads out of the folders.
    """
    if "filename" not in query:
        raise Refused(404, "no filename")
    name, root = folders.split_annotation(query["filename"])
    if not name or name.startswith("/") or ".." in name:
        raise Refused(400, "filename leads out of its folder")
    root = root or folders.of_type(query.get("type", "output"))
    if root is None:
        raise Refused(400, "type is none of input, output, temp")
    try:
        path = path_inside(root, query.get("subfolder", "")) / Path(name).name
    except OutsideFolder as error:
        raise Refused(403, str(error)) from error
    if not path.is_file():
        raise Refused(404, "no such file")
    return path


def upload_target(folders: Folders, filename: str, subfolder: str, type_: str) -> Path:
    """Return the path for an upload, and create its folder.

    Raises:
        Refused: 400 no name or one that leads out of the folder, 500 no such folder type (as ComfyUI answers).
    """
    root = folders.of_type(type_)
    if root is None:
        raise Refused(500, "type is none of input, output, temp")
    try:
        path = path_inside(root, os.path.join(os.path.normpath(subfolder), filename))  # noqa: PTH118 - normalised as text
    except OutsideFolder as error:
        raise Refused(400, str(error)) from error
    if not filename or path == root:
        raise Refused(400, "no filename")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def store(path: Path, content: IO[bytes], *, overwrite: bool) -> Path:
    """Write an upload and return its path: identical bytes keep the name, others get ``name (1).ext``."""
    target, count = path, 0
    if not overwrite:
        digest = _digest(content)
        while target.exists():
            with target.open("rb") as existing:
                if _digest(existing) == digest:
                    return target
            count += 1
            target = path.with_name(f"{path.stem} ({count}){path.suffix}")
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as file:
        shutil.copyfileobj(content, file)
    part.replace(target)
    return target


def _digest(stream: IO[bytes]) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
    stream.seek(0)
    return digest.hexdigest()
