"""Check files made of chunks: whether they are as long as their headers declare.

FFmpeg plays the existing part of most of them, and does not report the missing one.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final, Literal

from devserver.media.measure import WHOLE
from devserver.system.sniff import Kind

UNKNOWN_LENGTH_BYTES: Final = 0x7FFFFFFF - 0x10000  # programs write this when they do not know the length yet
BYTE_ORDERS: Final[dict[str, Literal["little", "big"]]] = {"wav": "little", "avi": "little", "aiff": "big"}
MOST_CHUNKS: Final = 10_000
W64_HEAD_BYTES: Final = 24  # an id of 16 bytes, and the length with this head


def is_whole(path: Path, kind: Kind) -> bool:
    """Tell whether a file is as long as it says; True for the kinds that are no chunks."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if kind.ext in BYTE_ORDERS:
            head = file.read(8)
            length = int.from_bytes(head[4:8], BYTE_ORDERS[kind.ext])
            return head[:4] == b"RF64" or length >= UNKNOWN_LENGTH_BYTES or size >= length * WHOLE
        if kind.ext == "caf":
            return _declared_end_of_caf(file, size) * WHOLE <= size
        if kind.ext == "w64":
            return _declared_end_of_w64(file, size) * WHOLE <= size
    return True


def _declared_end_of_caf(file: BinaryIO, size: int) -> int:
    """Return the declared end of the last chunk of a Core Audio file; one without a length goes to the end."""
    at = 8
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(12)
        length = int.from_bytes(head[4:12], signed=True)
        if len(head) < 12 or length < 0:
            return min(at, size)
        at += 12 + length
        if at >= size:
            break
    return at


def _declared_end_of_w64(file: BinaryIO, size: int) -> int:
    """Return the declared end of the last chunk of a Wave64 file; the first holds all others."""
    at = W64_HEAD_BYTES + 16  # its own head, and the id of its form
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(W64_HEAD_BYTES)
        length = int.from_bytes(head[16:], "little")
        if len(head) < W64_HEAD_BYTES or not W64_HEAD_BYTES <= length < 1 << 62:
            return min(at, size)
        at += (length + 7) // 8 * 8
        if at >= size:
            break
    return at


def boxes_are_whole(path: Path) -> bool:
    """Tell whether every box of an MP4 file ends within it, and its table of contents is one of them."""
    size, at, names = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4]) or size - at
            if length == 1:
                length = int.from_bytes(head[8:16])
            if length < 8:
                return True  # damaged, not cut off
            names.add(head[4:8])
            at += length
    return at <= size and b"moov" in names
