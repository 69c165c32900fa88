"""What media files hold: their tags, how they measure, and the hash of their decoded samples."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import av
import mutagen
import numpy as np

from tests.kept.runs.machine import hash_here
from tests.kept.runs.plain import plain

MEDIA: Final = (".mp3", ".flac", ".wav", ".opus", ".ogg", ".m4a", ".mp4", ".webm", ".mkv", ".png", ".aiff")
FILMS: Final = (".mp4", ".webm", ".mkv")
PNG_START: Final = 8
DECODED: Final = "decoded"


def media_of(folder: Path, drop: Iterable[str] = ()) -> dict[str, Any]:
    """Return what each file of a run's folder that can be heard or seen holds, and the MIDI and peaks beside it."""
    graphs = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.bound.json")}
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in MEDIA:
            found[path.name] = {"tags": _tags(path, graphs, drop), **decoded(path)}
        elif path.suffix == ".mid":
            found[path.name] = {DECODED: _digest(path.read_bytes())}
        elif path.name.endswith("_peaks.json"):
            peaks = json.loads(path.read_bytes())
            data = peaks.pop("data")
            found[path.name] = {**peaks, "values": len(data), DECODED: _digest(json.dumps(data).encode())}
    return found


def _digest(content: bytes, *, film: bool = False) -> str:
    return hash_here(f"sha256:{hashlib.sha256(content).hexdigest()[:16]}", film=film)


def decoded(path: Path) -> dict[str, Any]:
    """Return the measures of a file's streams, and the hash of everything that is decoded from them."""
    told: dict[str, Any] = {}
    with av.open(str(path), "r") as file:
        kinds = [stream.type for stream in file.streams if stream.type in ("audio", "video")]
    for kind in kinds:
        with av.open(str(path), "r") as file:
            stream: Any = file.streams.video[0] if kind == "video" else file.streams.audio[0]
            stream.thread_type = "NONE"
            frames: list[Any] = [frame.to_ndarray() for frame in file.decode(stream)]
            told[kind] = {"codec": stream.codec_context.name, "format": stream.format.name}
            told[kind] |= _picture(stream, frames) if kind == "video" else _sound(stream, frames)
            told[kind][DECODED] = _digest(b"".join(frame.tobytes() for frame in frames), film=path.suffix in FILMS)
    return told


def _sound(stream: Any, frames: list[Any]) -> dict[str, Any]:
    packed = not stream.format.is_planar
    channels = [frame.reshape(-1, stream.channels).T if packed else frame for frame in frames]
    samples = np.concatenate(channels, axis=1)
    scale = np.iinfo(samples.dtype).max if np.issubdtype(samples.dtype, np.integer) else 1
    level = samples.astype(np.float64) / scale
    return {
        "rate_hz": stream.rate,
        "channels": stream.channels,
        "samples": samples.shape[1],
        "peak_db": [_db(np.abs(one).max()) for one in level],
        "rms_db": [_db(np.sqrt(np.mean(one**2))) for one in level],
        "centroid_hz": [_centroid_hz(one, stream.rate) for one in level],
    }


def _db(value: Any) -> float:
    return round(float(20 * np.log10(max(float(value), 1e-6))), 1)


def _centroid_hz(samples: Any, rate_hz: int) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return round(float((power * frequencies).sum() / max(float(power.sum()), 1e-9)), -1)


def _picture(stream: Any, frames: list[Any]) -> dict[str, Any]:
    means = [float(frame.mean()) for frame in frames]
    return {
        "width": stream.width,
        "height": stream.height,
        "frames": len(frames),
        "mean": [round(mean) for mean in (means[0], means[-1])],
        "rate": str(stream.average_rate),
    }


def _tags(path: Path, graphs: dict[str, Any], drop: Iterable[str]) -> dict[str, Any]:
    """Return every tag by its own name in the file; a graph that lies in the folder by the name of its file."""
    found = _png_texts(path) if path.suffix == ".png" else _container_tags(path)
    return {name: _tag(value, graphs, drop) for name, value in sorted(found.items())}


def _container_tags(path: Path) -> dict[str, str]:
    file = mutagen.File(path) if path.suffix not in (".mkv", ".webm") else None
    if file is None:
        with av.open(str(path), "r") as container:
            return dict(container.metadata)
    return {name: _text(value) for name, value in dict(file.tags or {}).items()}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    return value.decode("utf8") if isinstance(value, bytes) else str(value)


def _tag(value: str, graphs: dict[str, Any], drop: Iterable[str]) -> Any:
    if not value.startswith("{"):
        return value.splitlines() if "\n" in value else value
    told = json.loads(value)
    return next((f"the graph in {name}" for name, graph in graphs.items() if graph == told), plain(told, drop))


def _png_texts(path: Path) -> dict[str, str]:
    content, at, found = path.read_bytes(), PNG_START, dict[str, str]()
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        if kind == b"tEXt":
            name, _, text = data.partition(b"\0")
            found[name.decode("latin1")] = text.decode("latin1")
        elif kind == b"iTXt":
            name, _, rest = data.partition(b"\0")
            found[name.decode("latin1")] = rest[2:].split(b"\0", 2)[2].decode("utf8")
        at += 12 + length
    return found
