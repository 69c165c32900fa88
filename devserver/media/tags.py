"""Tags of media files: title, tempo, key and lyrics, and the graph that made the file.

Written after a file was copied, in place of what the backend wrote. A file with the `prompt` tag opens its graph when
it is dropped into ComfyUI's page; JSON is therefore kept in ASCII, since that page reads MP3 tags byte by byte.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from zlib import crc32

from devserver.media import boxes
from devserver.media.remux import read_matroska, write_matroska
from devserver.system.sniff import sniff

# The graph as submitted, ComfyUI's own page layout, and our record of the run, each a tag of its own.
GRAPH_TAGS = ("prompt", "workflow", "tonewright")
FREEFORM = "----:com.apple.iTunes:"


class TagError(Exception):
    """The file's structure does not allow reading or writing its tags: it is damaged."""


@dataclass(frozen=True)
class TrackTags:
    """The tags of one file; None and empty values are not written.

    Attributes:
        title: shown by players.
        bpm: beats per minute.
        key: as `F#m` or `C`.
        lyrics: plain text.
        prompt: the graph as it was submitted (ComfyUI's API format).
        workflow: ComfyUI's layout of the graph, where the backend wrote one.
        tonewright: input text, request, seeds, run id, hash of the compiled graph.
    """

    title: str = ""
    bpm: float | None = None
    key: str | None = None
    lyrics: str | None = None
    prompt: dict[str, Any] | None = None
    workflow: dict[str, Any] | None = None
    tonewright: dict[str, Any] = field(default_factory=dict)

    def texts(self, *, embed: bool) -> dict[str, str]:
        """Return every tag as text, by its plain name; `embed` False leaves graph, layout and record out."""
        plain = {
            "title": self.title,
            "bpm": "" if self.bpm is None else f"{self.bpm:g}",
            "key": self.key or "",
            "lyrics": self.lyrics or "",
        }
        graphs = {"prompt": self.prompt, "workflow": self.workflow, "tonewright": self.tonewright} if embed else {}
        plain |= {name: _json(value) for name, value in graphs.items() if value}
        return {name: text for name, text in plain.items() if text}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def write_tags(path: Path, tags: TrackTags, *, name: str | None = None, embed: bool = True) -> bool:
    """Replace a file's tags with these, in place; the same tags on the same file give the same bytes.

    Args:
        path: an mp3, flac, opus, ogg, wav, m4a, mp4, webm, mkv or png; the content decides.
        tags: what to write. A layout that the backend wrote is kept if `tags.workflow` is None and `embed` is on.
        name: the file's own name, where `path` is a working copy.
        embed: False leaves the graph, its layout and our record out, the backend's as well.

    Returns:
        Whether this kind of file can be tagged; others are left as they are.

    Raises:
        TagError: the file is damaged.
    """
    form = _FORMS.get(sniff(path, name).ext)
    if form is None:
        return False
    texts = tags.texts(embed=embed)
    with _as_tag_error(path):
        if embed and "workflow" not in texts and (workflow := form.read(path).get("workflow")):
            texts["workflow"] = workflow
        form.write(path, texts)
    return True


def read_tags(path: Path, name: str | None = None) -> TrackTags:
    """Return the tags of a file; empty ones where it has none or cannot have any.

    Raises:
        TagError: the file is damaged.
    """
    form = _FORMS.get(sniff(path, name).ext)
    if form is None:
        return TrackTags()
    with _as_tag_error(path):
        texts = form.read(path)
    graphs: dict[str, Any] = {key: _parse(texts.get(key)) for key in GRAPH_TAGS}
    bpm = texts.get("bpm", "")
    return TrackTags(
        title=texts.get("title", ""),
        bpm=float(bpm) if bpm.replace(".", "", 1).isdigit() else None,
        key=texts.get("key"),
        lyrics=texts.get("lyrics"),
        prompt=graphs["prompt"],
        workflow=graphs["workflow"],
        tonewright=graphs["tonewright"] or {},
    )


def _parse(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def _as_tag_error(path: Path) -> Iterator[None]:
    """Raise errors of mutagen, and of a broken structure, as `TagError`."""
    try:
        yield
    except (
        import_module("mutagen").MutagenError,
        import_module("av").FFmpegError,
        struct.error,
        boxes.BoxError,
    ) as error:
        raise TagError(f"the tags of {path.name} cannot be read or written: {error}") from error


def _mutagen(module: str) -> Any:
    """Return a part of mutagen, loaded where a file is tagged and not at the server's start; it has no types."""
    return import_module(f"mutagen.{module}")


@dataclass(frozen=True)
class _Form:
    read: Callable[[Path], dict[str, str]]
    write: Callable[[Path, dict[str, str]], None]


# ID3: MP3 and WAV


def _id3_file(ext: str, path: Path) -> Any:
    return _mutagen("mp3").MP3(path) if ext == "mp3" else _mutagen("wave").WAVE(path)


def _read_id3(ext: str, path: Path) -> dict[str, str]:
    frames = _id3_file(ext, path).tags
    if frames is None:
        return {}
    texts: dict[str, str] = {}
    for frame in frames.values():
        match frame.FrameID:
            case "TIT2" | "TBPM" | "TKEY":
                texts[{"TIT2": "title", "TBPM": "bpm", "TKEY": "key"}[frame.FrameID]] = str(frame)
            case "USLT":
                texts["lyrics"] = frame.text
            case "TXXX" if frame.desc in GRAPH_TAGS:
                texts[frame.desc] = str(frame)
    return texts


def _write_id3(ext: str, path: Path, texts: dict[str, str]) -> None:
    id3 = _mutagen("id3")
    if ext == "wav":
        _check_riff(path)
    file = _id3_file(ext, path)
    if file.tags is None:
        file.add_tags()
    frames = file.tags
    frames.clear()
    utf8 = id3.Encoding.UTF8
    for name, text in texts.items():
        match name:
            case "title":
                frames.add(id3.TIT2(encoding=utf8, text=text))
            case "bpm":
                frames.add(id3.TBPM(encoding=utf8, text=text))
            case "key":
                frames.add(id3.TKEY(encoding=utf8, text=text))
            case "lyrics":
                frames.add(id3.USLT(encoding=utf8, lang="und", desc="", text=text))
            case _:
                frames.add(id3.TXXX(encoding=utf8, desc=name, text=text))
    file.save()


def _check_riff(path: Path) -> None:
    """Refuse a WAV whose sound is cut off: tags written after it would be heard as sound."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 12
        while at + 8 <= size:
            file.seek(at)
            kind, length = struct.unpack("<4sI", file.read(8))
            if at + 8 + length > size:
                raise struct.error(
                    f"the chunk {kind.decode(errors='replace')!r} claims {length} bytes, {size - at - 8} are there"
                )
            at += 8 + length + length % 2


# Vorbis comments: FLAC, Opus, Ogg Vorbis

_VORBIS_NAMES = {"key": "initialkey"}


def _vorbis_file(ext: str, path: Path) -> Any:
    match ext:
        case "flac":
            return _mutagen("flac").FLAC(path)
        case "opus":
            return _mutagen("oggopus").OggOpus(path)
        case _:
            return _mutagen("oggvorbis").OggVorbis(path)


def _read_vorbis(ext: str, path: Path) -> dict[str, str]:
    comments = _vorbis_file(ext, path).tags or {}
    names = ("title", "bpm", "key", "lyrics", *GRAPH_TAGS)
    return {name: comments[tag][0] for name in names if (tag := _VORBIS_NAMES.get(name, name)) in comments}


def _write_vorbis(ext: str, path: Path, texts: dict[str, str]) -> None:
    file = _vorbis_file(ext, path)
    if file.tags is None:
        file.add_tags()
    file.tags.clear()
    for name, text in texts.items():
        file.tags[_VORBIS_NAMES.get(name, name)] = text
    file.save()


# MP4 atoms, and a second copy of the graph in the form that ComfyUI's page reads


def _read_mp4(path: Path) -> dict[str, str]:
    texts = {name: text for name, text in boxes.read_keys(path).items() if name in GRAPH_TAGS}
    atoms = _mutagen("mp4").MP4(path).tags or {}
    for name, atom in (("title", "\xa9nam"), ("lyrics", "\xa9lyr"), ("bpm", "tmpo")):
        if atoms.get(atom):
            texts[name] = str(atoms[atom][0])
    for name in ("bpm", "key", *GRAPH_TAGS):
        tag = FREEFORM + ("initialkey" if name == "key" else name)
        if atoms.get(tag):
            texts[name] = bytes(atoms[tag][0]).decode()
    return texts


def _write_mp4(path: Path, texts: dict[str, str]) -> None:
    mp4 = _mutagen("mp4")
    boxes.blank_user_data(path)
    file = mp4.MP4(path)
    if file.tags is None:
        file.add_tags()
    for name, text in texts.items():
        match name:
            case "title" | "lyrics":
                file.tags["\xa9nam" if name == "title" else "\xa9lyr"] = [text]
            case "bpm":
                # The atom holds whole numbers; the exact tempo stands beside it.
                file.tags["tmpo"] = [round(float(text))]
                file.tags[FREEFORM + "bpm"] = [mp4.MP4FreeForm(text.encode())]
            case _:
                file.tags[FREEFORM + ("initialkey" if name == "key" else name)] = [mp4.MP4FreeForm(text.encode())]
    file.save()
    boxes.append_keys(path, {name: texts[name] for name in ("prompt", "workflow") if name in texts})


# PNG text chunks

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise struct.error("a PNG chunk goes beyond the file's end")
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _read_png(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for kind, body in _png_chunks(path.read_bytes()):
        keyword, _, rest = body.partition(b"\0")
        name = keyword.decode("latin-1").lower()
        if kind == b"tEXt":
            texts[name] = rest.decode("latin-1")
        elif kind == b"iTXt" and rest[:1] == b"\0":
            _language, _, rest = rest[2:].partition(b"\0")
            texts[name] = rest.partition(b"\0")[2].decode(errors="replace")
    return {name: texts[name] for name in ("title", "bpm", "key", "lyrics", *GRAPH_TAGS) if name in texts}


def _write_png(path: Path, texts: dict[str, str]) -> None:
    """Put the texts before the pixels; pixels, colour profile and animation stay as they are, byte for byte."""
    out = [_PNG_SIGNATURE]
    for kind, body in _png_chunks(path.read_bytes()):
        if kind in _PNG_TEXTS:
            continue
        out.append(_png_chunk(kind, body))
        if kind == b"IHDR":
            out += [_png_text(name, text) for name, text in texts.items()]
    path.write_bytes(b"".join(out))


def _png_text(name: str, text: str) -> bytes:
    keyword = ("Title" if name == "title" else name).encode()
    if text.isascii():
        return _png_chunk(b"tEXt", keyword + b"\0" + text.encode())
    return _png_chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text.encode())


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))


_FORMS = {
    **{ext: _Form(partial(_read_id3, ext), partial(_write_id3, ext)) for ext in ("mp3", "wav")},
    **{ext: _Form(partial(_read_vorbis, ext), partial(_write_vorbis, ext)) for ext in ("flac", "opus", "ogg")},
    **{ext: _Form(_read_mp4, _write_mp4) for ext in ("m4a", "mp4")},
    **{ext: _Form(read_matroska, partial(write_matroska, "webm")) for ext in ("webm", "weba")},
    **{ext: _Form(read_matroska, partial(write_matroska, "matroska")) for ext in ("mkv", "mka")},
    "png": _Form(_read_png, _write_png),
}
