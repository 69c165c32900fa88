"""Read graphs from files, and write the definitions made from them into a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from devserver.media.tags import TagError, read_tags
from devserver.system.atomic import write_atomic
from devserver.system.sniff import sniff
from schemas.importing.form import ImportRefused, parse_graph, refuse_excess, replace_endless
from schemas.json_values import Json, JsonObject
from schemas.limits import BYTES
from schemas.texts import Unreadable, read_text

EXIF_TEXTS: Final = (0x010F, 0x0110)  # where ComfyUI puts `workflow:{...}` and `prompt:{...}` into a WebP


def read_graph(path: Path, name: str | None = None) -> JsonObject:
    """Return the graph in a file: its JSON, or the graph that ComfyUI or we wrote into a sound, picture or video.

    From a media file the graph that ran is taken, in API form; else the graph in the form of ComfyUI's page.

    Args:
        path: any file.
        name: its own name, where `path` is a copy.

    Raises:
        ImportRefused: the file holds no graph.
    """
    if _begins_as_json(path):
        refuse_excess(BYTES, path.stat().st_size)
        try:
            return parse_graph(read_text(path))
        except Unreadable as e:
            raise ImportRefused(f"{name or path.name} {e.reason}") from e
    try:
        tags = read_tags(path, name)
    except TagError as e:
        raise ImportRefused(str(e)) from e
    graph = replace_endless(tags.prompt or tags.workflow)
    if graph is None and sniff(path, name).ext == "webp":
        graph = _read_webp(path)
    if not isinstance(graph, dict):
        raise ImportRefused(f"{name or path.name} holds no graph: it is no JSON, and has no tag `prompt` or `workflow`")
    return graph


def _begins_as_json(path: Path) -> bool:
    """Tell whether a file begins with a JSON object or list, in any Unicode encoding."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as e:
        raise ImportRefused(f"{path.name} cannot be read: {e.strerror}") from e
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        start = start.removeprefix(mark)
    return start.lstrip(b"\0 \t\r\n")[:1] in (b"{", b"[")


def write_definitions(folder: Path, files: Mapping[str, str], instead_of: Iterable[Path] = ()) -> list[Path]:
    """Write files into a folder of definitions, each atomically, in the given order.

    Delete the files of `instead_of` that are not among the new ones.
    """
    written = []
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
        written.append(path)
    for old in instead_of:
        if old not in written:
            old.unlink(missing_ok=True)
    return written


def _read_webp(path: Path) -> JsonObject | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            texts = [str(value) for tag, value in sorted(image.getexif().items(), reverse=True) if tag in EXIF_TEXTS]
    except (UnidentifiedImageError, OSError, ValueError) as e:
        raise ImportRefused(f"{path.name} cannot be read: {e}") from e
    for text in texts:
        try:
            graph: Json = json.loads(text.partition(":")[2])
        except (ValueError, RecursionError):
            continue
        if isinstance(graph, dict):
            return graph
    return None
