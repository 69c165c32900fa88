"""The kind of a file by its first bytes, and by its name only where the bytes leave it open."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Medium = Literal["audio", "video", "image", "file"]

HEAD_BYTES = 64 * 1024


class Kind(NamedTuple):
    """A file's medium, MIME type and usual extension (without the dot)."""

    media: Medium
    mime: str
    ext: str


# Every kind that a run can contain, by extension; media routes serve with these types, not with the machine's table.
KINDS: dict[str, Kind] = {
    kind.ext: kind
    for kind in (
        Kind("audio", "audio/mpeg", "mp3"),
        Kind("audio", "audio/flac", "flac"),
        Kind("audio", "audio/wav", "wav"),
        Kind("audio", "audio/ogg", "ogg"),
        Kind("audio", "audio/ogg", "opus"),
        Kind("audio", "audio/mp4", "m4a"),
        Kind("audio", "audio/aac", "aac"),
        Kind("audio", "audio/aiff", "aiff"),
        Kind("audio", "audio/webm", "weba"),
        Kind("audio", "audio/x-matroska", "mka"),
        Kind("audio", "audio/x-caf", "caf"),
        Kind("audio", "audio/amr", "amr"),
        Kind("audio", "audio/x-ms-wma", "wma"),
        Kind("audio", "audio/basic", "au"),
        Kind("audio", "audio/x-w64", "w64"),
        Kind("audio", "audio/x-wavpack", "wv"),
        Kind("audio", "audio/x-tta", "tta"),
        Kind("audio", "audio/x-ape", "ape"),
        Kind("audio", "audio/ac3", "ac3"),
        Kind("video", "video/mp4", "mp4"),
        Kind("video", "video/quicktime", "mov"),
        Kind("video", "video/webm", "webm"),
        Kind("video", "video/x-matroska", "mkv"),
        Kind("video", "video/x-msvideo", "avi"),
        Kind("video", "video/ogg", "ogv"),
        Kind("video", "video/x-ms-wmv", "wmv"),
        Kind("video", "video/x-flv", "flv"),
        Kind("image", "image/png", "png"),
        Kind("image", "image/jpeg", "jpg"),
        Kind("image", "image/webp", "webp"),
        Kind("image", "image/gif", "gif"),
        Kind("image", "image/avif", "avif"),
        Kind("file", "audio/midi", "mid"),
        Kind("file", "application/json", "json"),
        Kind("file", "text/plain; charset=utf-8", "txt"),
        Kind("file", "text/plain; charset=utf-8", "lrc"),
        Kind("file", "text/vtt; charset=utf-8", "vtt"),
        Kind("file", "application/zip", "zip"),
        Kind("file", "model/gltf-binary", "glb"),
        Kind("file", "application/octet-stream", "latent"),
        Kind("file", "application/octet-stream", "bin"),
    )
}
ALIASES = {"jpeg": "jpg", "midi": "mid", "aif": "aiff", "oga": "ogg", "mpga": "mp3", "m4v": "mp4", "snd": "au"}
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PICTURE = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")  # the type of a stream in its header
W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")


@dataclass(frozen=True)
class _Head:
    data: bytes
    ext: str  # as the name says, lower case, aliases resolved


def sniff(path: Path, name: str | None = None) -> Kind:
    """Return the kind of the file at `path`.

    Args:
        path: an existing file.
        name: the name that it had, if `path` is a working copy; a trailing `.part` is ignored.

    Returns:
        Its kind; (`file`, `application/octet-stream`, its own extension) where nothing is known of it.
    """
    shown = (name or path.name).removesuffix(".part")
    ext = Path(shown).suffix.removeprefix(".").lower()
    head = _Head(_head(path), ALIASES.get(ext, ext))
    found = _by_magic(head) or _by_text(head) or _by_word(head)
    if found is not None:
        return KINDS[found]
    # Bytes that are no known medium are none, whatever the name says.
    known = KINDS.get(head.ext)
    return (
        known if known is not None and known.media == "file" else Kind("file", "application/octet-stream", ext or "bin")
    )


def _head(path: Path) -> bytes:
    """Return the first bytes, those after the ID3 tag if it begins with one."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head[:3] != b"ID3" or len(head) < 10:
            return head
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(10 + size)
        return file.read(HEAD_BYTES) or b"ID3"


def _by_magic(head: _Head) -> str | None:
    data = head.data
    for magic, ext in (
        (b"fLaC", "flac"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpg"),
        (b"GIF8", "gif"),
        (b"MThd", "mid"),
        (b"glTF", "glb"),
        (b"PK\x03\x04", "zip"),
        (ASF, "wmv" if ASF_PICTURE in data else "wma"),
    ):
        if data.startswith(magic):
            return ext
    if data[:4] in {b"RIFF", b"RF64", b"FORM"}:
        return {b"WAVE": "wav", b"WEBP": "webp", b"AVI ": "avi", b"AIFF": "aiff", b"AIFC": "aiff"}.get(data[8:12])
    if data[:4] == b"OggS":
        return _ogg(data)
    if data[4:8] == b"ftyp":
        return _isobmff(head)
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return _matroska(data)
    return _mpeg_audio(head)


def _by_word(head: _Head) -> str | None:
    """Return the kind by a beginning that a text may have too, so the text is looked for first."""
    for magic, ext in (
        (b"caff", "caf"),
        (b"#!AMR", "amr"),
        (b".snd", "au"),
        (b"wvpk", "wv"),
        (b"TTA1", "tta"),
        (b"MAC ", "ape"),
        (b"FLV\x01", "flv"),
        (b"\x0b\x77", "ac3"),
        (W64, "w64"),
    ):
        if head.data.startswith(magic):
            return ext
    return None


def _ogg(data: bytes) -> str:
    if b"OpusHead" in data[:512]:
        return "opus"
    return "ogv" if b"theora" in data[:512] else "ogg"


def _isobmff(head: _Head) -> str:
    brand = head.data[8:12]
    if brand in {b"avif", b"avis"}:
        return "avif"
    if brand == b"qt  ":
        return "mov"
    # Writers of m4a often use the brand of any mp4; the name decides then.
    return "m4a" if brand in {b"M4A ", b"M4B "} or head.ext == "m4a" else "mp4"


def _matroska(data: bytes) -> str:
    web = b"webm" in data[:64]
    sound_only = b"A_" in data and b"V_" not in data
    if web:
        return "weba" if sound_only else "webm"
    return "mka" if sound_only else "mkv"


def _mpeg_audio(head: _Head) -> str | None:
    data = head.data
    if len(data) < 2:
        return None
    if data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return "aac"
    if data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06 != 0:
        return "mp3"
    # Some encoders put zeros before the first frame.
    return "mp3" if head.ext == "mp3" and b"\xff\xfb" in data else None


def _by_text(head: _Head) -> str | None:
    try:
        text = head.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head.data) - 4 or len(head.data) < HEAD_BYTES:
            return None
        text = head.data[: error.start].decode("utf-8-sig")
    if not text or "\0" in text:
        return None
    if head.ext in {"json", "txt", "lrc", "vtt"}:
        return head.ext
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "txt"
    return "json"
