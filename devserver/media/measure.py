"""Measure the content of a media file by decoding it; its header is never trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from devserver.media.opening import open_media
from devserver.nodes.studio.decode import PACKED, channels_of
from devserver.system.sniff import Kind, sniff

if TYPE_CHECKING:
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

# Called with a stream and the next block of its sound, [channels, samples].
Hear: TypeAlias = "Callable[[AudioStream, NDArray[np.float32]], None]"

# 16 bits cannot tell a peak at full scale from a clipped one.
FULL_SCALE = 32767 / 32768
LOWEST_DBFS = -120.0
# A file shorter than this share of its declared length is truncated.
WHOLE = 0.98
WHOLE_SLACK_SECONDS = 0.1
PIXEL_LIMIT = 200_000_000


Reason = Literal["damaged", "nothing", "no_samples", "no_numbers", "too_large", "changes"]


class Undecodable(Exception):
    """The file cannot be decoded to its end.

    Args:
        reason: `damaged` if the decoder reports an error, `nothing` without sound and picture, `no_samples` if its
            sound is empty, `no_numbers` if it has NaN or Inf, `too_large` for a picture, `changes` if the format of
            the sound changes in the middle.
    """

    def __init__(self, message: str, reason: Reason = "damaged") -> None:
        super().__init__(message)
        self.reason = reason


class Truncated(Exception):
    """The file ends before its declared length.

    Args:
        seconds: the decoded length.
        declared_seconds: the length in the header.
    """

    def __init__(self, seconds: float, declared_seconds: float) -> None:
        super().__init__(f"{seconds:.3f} of {declared_seconds:.3f} seconds are there")
        self.seconds = seconds
        self.declared_seconds = declared_seconds


@dataclass(frozen=True)
class Content:
    """The decoded content; None for values that the medium does not have.

    Attributes:
        kind: medium, MIME type and extension.
        seconds: length of the sound, or of the picture where there is no sound.
        sample_rate_hz: of the sound.
        channels: of the sound.
        codec: of the sound, or of the picture where there is no sound (FFmpeg's name).
        peak_dbfs: largest sample, from -120 up; above 0 where a lossy codec overshoots.
        clipped_samples: samples at full scale or above, over all channels.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """

    kind: Kind
    seconds: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    codec: str | None = None
    peak_dbfs: float | None = None
    clipped_samples: int | None = None
    width: int | None = None
    height: int | None = None


def measure(path: Path, name: str | None = None, *, kind: Kind | None = None, hear: Hear | None = None) -> Content:
    """Decode a file and measure its content.

    Sound is decoded to the end. Of a video's picture, the key frames are decoded and the rest only read: enough to
    find damage, and a long video takes seconds. Images are decoded whole.

    Args:
        path: an existing file.
        name: its own name, where `path` is a working copy.
        kind: the kind of the file, if the caller knows it better than its first bytes tell.
        hear: gets every block of the sound.

    Raises:
        Undecodable: it is damaged, or of another kind than it seems.
        Truncated: it ends early.
    """
    kind = kind or sniff(path, name)
    match kind.media:
        case "audio" | "video":
            return _stream_content(path, kind, hear)
        case "image":
            return _image_content(path, kind)
        case _:
            _check_document(path, kind)
            return Content(kind)


def _stream_content(path: Path, kind: Kind, hear: Hear | None) -> Content:
    import av

    try:
        with open_media(path) as container:
            sound = _sound(container, kind, hear) if container.streams.audio else None
            declared = container.duration / av.time_base if container.duration else None
        picture = _picture_of(path, kind) if kind.media == "video" else None
    except (av.FFmpegError, ValueError) as error:
        raise Undecodable(str(error)) from error
    content = _combine(sound, picture)
    if content is None:
        raise Undecodable("it has neither sound nor picture", "nothing")
    length = max(part.seconds or 0.0 for part in (sound, picture) if part is not None)
    if declared is not None and _declares_length(path, kind) and length < declared * WHOLE - WHOLE_SLACK_SECONDS:
        raise Truncated(length, declared)
    return content


def _combine(sound: Content | None, picture: Content | None) -> Content | None:
    """Return what is in a film: the sound's length and codec, the picture's size."""
    if sound is None or picture is None:
        return sound or picture
    return replace(sound, width=picture.width, height=picture.height)


def _declares_length(path: Path, kind: Kind) -> bool:
    """Tell whether the container states its length; for others FFmpeg guesses one from the bit rate."""
    if kind.ext != "mp3":
        return kind.ext in {"wav", "flac", "m4a", "mp4", "mov", "webm", "weba", "mka", "mkv", "au", "aiff"}
    with path.open("rb") as file:
        head = file.read(256 * 1024)
    return b"Xing" in head or b"Info" in head


def _sound(container: InputContainer, kind: Kind, hear: Hear | None) -> Content:
    import av
    import numpy as np

    stream = container.streams.audio[0]
    to_float = av.AudioResampler(format=PACKED)
    samples, peak, clipped = 0, 0.0, 0
    rate, channels = stream.rate, stream.channels
    for frame in container.decode(stream):
        try:
            blocks = to_float.resample(frame)
        except ValueError as error:
            raise Undecodable("its sound changes rate or channels in the middle", "changes") from error
        for block in blocks:
            sound = channels_of(block)
            levels = np.abs(sound)
            if not np.isfinite(levels).all():
                raise Undecodable("it has samples that are no numbers", "no_numbers")
            if hear is not None:
                hear(stream, sound)
            samples += block.samples
            peak = max(peak, float(levels.max(initial=0.0)))
            clipped += int(np.count_nonzero(levels >= FULL_SCALE))
    if not samples:
        raise Undecodable("its sound has no samples", "no_samples")
    return Content(
        kind,
        seconds=samples / rate,
        sample_rate_hz=rate,
        channels=channels,
        codec=stream.codec_context.name,
        peak_dbfs=max(LOWEST_DBFS, 20 * math.log10(peak)) if peak > 0 else LOWEST_DBFS,
        clipped_samples=clipped,
    )


def _picture_of(path: Path, kind: Kind) -> Content | None:
    with open_media(path) as container:
        return _picture(container, kind) if container.streams.video else None


def _picture(container: InputContainer, kind: Kind) -> Content:
    stream = container.streams.video[0]
    stream.codec_context.skip_frame = "NONKEY"
    packets, decoded, end = 0, 0, 0.0
    for packet in container.demux(stream):
        if packet.size:
            packets += 1
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        decoded += len(packet.decode())
    if not decoded:
        raise ValueError(f"none of its {packets} pictures can be decoded")
    codec = stream.codec_context.name
    return Content(kind, seconds=end, codec=codec, width=stream.width, height=stream.height)


def _image_content(path: Path, kind: Kind) -> Content:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.width * image.height > PIXEL_LIMIT:
                raise Undecodable(f"{image.width} x {image.height} pixels are more than can be taken in", "too_large")
            image.load()
            return Content(kind, codec=(image.format or kind.ext).lower(), width=image.width, height=image.height)
    except Image.DecompressionBombError as error:
        raise Undecodable("it has more pixels than can be taken in", "too_large") from error
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError) as error:
        raise Undecodable(str(error)) from error


def _check_document(path: Path, kind: Kind) -> None:
    try:
        if kind.ext == "json":
            json.loads(path.read_bytes())
        elif kind.ext == "mid":
            from mido import MidiFile

            MidiFile(path)
    except (ValueError, EOFError, OSError) as error:
        raise Undecodable(str(error)) from error
