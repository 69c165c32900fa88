"""MP4's boxes as far as tags need them: blanking old user data, and the key list that ComfyUI's page reads."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# A box of user data is small; one that claims more is damage.
USER_DATA_LIMIT_BYTES = 64 * 1024 * 1024
UTF8_TEXT = 1
HANDLER = struct.pack(">II4s12x", 0, 0, b"mdta") + b"\0"


class BoxError(Exception):
    """The boxes do not nest: the file is no MP4, or it is cut off."""


@dataclass(frozen=True)
class Box:
    """One box: where it starts, its type, where its content starts, and where it ends (in bytes of the file)."""

    start: int
    kind: bytes
    content: int
    end: int


def blank_user_data(path: Path) -> None:
    """Overwrite every box of user data (tags of any kind) with empty space; nothing else moves."""
    with path.open("r+b") as file:
        for box in list(_user_data(file)):
            if box.end == _length(file) and box.kind == b"udta" and _is_top(file, box):
                file.truncate(box.start)
                continue
            file.seek(box.start + 4)
            file.write(b"free")
            file.seek(box.content)
            file.write(bytes(box.end - box.content))


def append_keys(path: Path, texts: Mapping[str, str]) -> None:
    """Add texts by name as a last box of the file, in QuickTime's `keys`/`ilst` form; nothing else moves."""
    if not texts:
        return
    keys = b"".join(_box(b"mdta", name.encode()) for name in texts)
    items = b"".join(
        _box(struct.pack(">I", index), _box(b"data", struct.pack(">II", UTF8_TEXT, 0) + text.encode()))
        for index, text in enumerate(texts.values(), start=1)
    )
    meta = _box(b"hdlr", HANDLER) + _box(b"keys", struct.pack(">II", 0, len(texts)) + keys) + _box(b"ilst", items)
    with path.open("ab") as file:
        file.write(_box(b"udta", _box(b"meta", bytes(4) + meta)))


def read_keys(path: Path) -> dict[str, str]:
    """Return the texts by name in that form, ours or ComfyUI's own; names in lower case."""
    texts: dict[str, str] = {}
    with path.open("rb") as file:
        for user_data in _user_data(file):
            for meta in _children(file, user_data.content, user_data.end):
                if meta.kind == b"meta":
                    texts |= _read_keyed_texts(file, meta)
    return texts


def _read_keyed_texts(file: BinaryIO, meta: Box) -> dict[str, str]:
    parts = {box.kind: box for box in _children(file, meta.content + 4, meta.end)}
    if b"keys" not in parts or b"ilst" not in parts:
        return {}
    names = [_bytes(file, key).decode() for key in _children(file, parts[b"keys"].content + 8, parts[b"keys"].end)]
    texts = {}
    for item in _children(file, parts[b"ilst"].content, parts[b"ilst"].end):
        index = struct.unpack(">I", item.kind)[0]
        for data in _children(file, item.content, item.end):
            if data.kind == b"data" and 1 <= index <= len(names):
                texts[names[index - 1].lower()] = _bytes(file, data)[8:].decode(errors="replace")
    return texts


def _user_data(file: BinaryIO) -> Iterator[Box]:
    """Yield the boxes of user data at the top, in the movie and in its tracks."""
    for box in _children(file, 0, _length(file)):
        if box.kind == b"udta":
            yield box
        elif box.kind == b"moov":
            for inner in _children(file, box.content, box.end):
                if inner.kind in {b"udta", b"meta"}:
                    yield inner
                elif inner.kind == b"trak":
                    yield from (part for part in _children(file, inner.content, inner.end) if part.kind == b"udta")


def _is_top(file: BinaryIO, box: Box) -> bool:
    return any(top.start == box.start for top in _children(file, 0, _length(file)))


def _children(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    at = start
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        content = at + 8
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
            content += 8
        elif size == 0:
            size = end - at
        if size < content - at or at + size > end:
            raise BoxError(f"the box {kind!r} at byte {at} claims {size} bytes, of {end - at} that are there")
        yield Box(at, kind, content, at + size)
        at += size


def _bytes(file: BinaryIO, box: Box) -> bytes:
    if box.end - box.content > USER_DATA_LIMIT_BYTES:
        raise BoxError(f"the box {box.kind!r} of tags is {box.end - box.content} bytes long")
    file.seek(box.content)
    return file.read(box.end - box.content)


def _length(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
