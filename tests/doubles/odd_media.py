"""Sounds, films and pictures of the odd kinds that people have, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Sound = NDArray[np.float32]
RATE: Final = 44_100


def tone(seconds: float = 1.5, hz: float = 440.0, channels: int = 2, rate: int = RATE, level: float = 0.5) -> Sound:
    """A tone that is not quite the same in each channel."""
    at = np.arange(round(seconds * rate)) / rate
    waves = [np.sin(2 * np.pi * hz * (1 + 0.01 * number) * at) for number in range(channels)]
    return np.asarray(waves, np.float32) * np.float32(level)


def wav(sound: Sound, rate: int = RATE, bits: int = 16, mask: int | None = None) -> bytes:
    """A WAV file of 8, 16 or 24 bits, or 32 float bits; `mask` names the places of the channels."""
    if bits == 32:
        data = np.ascontiguousarray(sound.T, "<f4").tobytes()
    elif bits == 8:
        data = np.round(sound.T * 127 + 128).astype(np.uint8).tobytes()
    else:
        steps = np.clip(np.round(sound.T.astype(np.float64) * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        packed = steps.astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)
        data = packed[:, : bits // 8].tobytes()
    channels, size = len(sound), bits // 8
    kind = 3 if bits == 32 else 1
    form = struct.pack("<HIIHH", channels, rate, rate * channels * size, channels * size, bits)
    if mask is None:
        head = struct.pack("<H", kind) + form
    else:
        guid = struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
        head = struct.pack("<H", 0xFFFE) + form + struct.pack("<HHI", 22, bits, mask) + guid
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def encoded(container: str, codec: str, sound: Sound | None = None, rate: int = RATE, layout: str = "stereo") -> bytes:
    """A sound as FFmpeg writes it."""
    sound = tone(channels=2 if layout == "stereo" else 1, rate=rate) if sound is None else sound
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        _write_sound(file, codec, sound, rate, layout)
    return target.getvalue()


def _write_sound(file: Any, codec: str, sound: Sound, rate: int, layout: str) -> None:
    stream: Any = file.add_stream(codec, rate=rate, layout=layout)
    if codec == "wmav2":
        stream.bit_rate = 128_000
    _mux_sound(file, stream, sound, rate, layout)


def _mux_sound(file: Any, stream: Any, sound: Sound, rate: int, layout: str) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def film(
    container: str = "mp4",
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    *,
    sound: Sound | None = None,
    audio: str = "aac",
    layout: str = "stereo",
    pixels: str = "yuv420p",
    times: Sequence[int] = tuple(range(30)),
) -> bytes:
    """A film of a moving grey, and of a sound where one is given."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        picture: Any = file.add_stream(codec, rate=20)
        picture.width, picture.height, picture.pix_fmt = *size, pixels
        heard: Any = file.add_stream(audio, rate=RATE, layout=layout) if sound is not None else None
        for number, at in enumerate(times):
            drawn = np.full((size[1], size[0], 3), number * 8 % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(drawn, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = at, Fraction(1, 20)
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
        if heard is not None and sound is not None:
            _mux_sound(file, heard, sound, RATE, layout)
    return target.getvalue()


def many_tracks(count: int) -> bytes:
    """A Matroska file of many sounds."""
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as file:
        streams = [file.add_stream("libopus", rate=48_000, layout="mono") for _ in range(count)]
        for stream in streams:
            _mux_sound(file, stream, tone(0.5, channels=1, rate=48_000), 48_000, "mono")
    return target.getvalue()


def picture(kind: str = "PNG", size: tuple[int, int] = (32, 20), mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 128 if mode == "L" else (10, 20, 30, 128)[: len(mode)]).save(target, kind)
    return target.getvalue()


def with_id3(body: bytes, claimed: int, tag: bytes = b"") -> bytes:
    """A file behind an ID3 tag that claims to be so long."""
    size = bytes((claimed >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + tag + body


def cover_only() -> bytes:
    """An ID3 tag with a cover, and no sound behind it."""
    image = picture("JPEG")
    frame = b"\x00image/jpeg\x00\x03\x00" + image
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    tag = b"APIC" + size + b"\x00\x00" + frame
    return with_id3(b"", len(tag), tag)


def subtitles_only() -> bytes:
    """A Matroska file with subtitles alone."""
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as file:
        stream: Any = file.add_stream("ass")
        stream.codec_context.extradata = b"[Script Info]\n"
        packet = av.Packet(b"0,0,Default,,0,0,0,,hello")
        packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 1000
        file.mux(packet)
    return target.getvalue()


def noise(length: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).bytes(length)


def damaged(content: bytes, at: float = 0.5, length: int = 4000) -> bytes:
    """The content with noise in the middle of it."""
    start = int(len(content) * at)
    return content[:start] + noise(min(length, len(content) - start)) + content[start + length :]


SPEAKERS: Final = 0x3F  # 5.1


def _nan(value: float) -> bytes:
    sound = tone()
    sound[0, 5000] = value
    return wav(sound, bits=32)


def _offset() -> bytes:
    return wav(tone(level=0.2) + np.float32(0.3))


def _gap() -> bytes:
    sound = tone(6)
    sound[:, RATE:] = 0
    return wav(sound)


def _wav_of_a_stream() -> bytes:
    """As a program writes it into a pipe: it did not know the length."""
    content = bytearray(wav(tone()))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    return bytes(content)


def _caf_of_a_stream() -> bytes:
    content = encoded("caf", "pcm_s16le")
    at = content.index(b"data") + 4
    return content[:at] + b"\xff" * 8 + content[at + 8 :]


def _half(container: str, codec: str) -> bytes:
    content = encoded(container, codec, tone(3))
    return content[: len(content) // 2]


def _huge_picture() -> bytes:
    """A picture whose head says that it has 900 million pixels."""
    content = picture("PNG", (30, 30))
    head = b"IHDR" + struct.pack(">II", 30_000, 30_000) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def _wav_cut() -> bytes:
    content = wav(tone(3))
    return content[: len(content) // 2]


Make = Callable[[], bytes]
SOUNDS: Final[dict[str, Make]] = {
    "telephone.wav": lambda: wav(tone(rate=8000, channels=1), 8000),
    "eleven.wav": lambda: wav(tone(rate=11_025), 11_025),
    "fine.wav": lambda: wav(tone(rate=192_000), 192_000, 24),
    "odd rate.wav": lambda: wav(tone(rate=37_123), 37_123),
    "eight bits.wav": lambda: wav(tone(), bits=8),
    "loud.wav": lambda: wav(tone(level=2.0), bits=32),
    "clipped.wav": lambda: wav(np.clip(tone(level=3.0), -1, 1)),
    "offset.wav": _offset,
    "inverted.wav": lambda: wav(np.stack([tone()[0], -tone()[0]])),
    "left only.wav": lambda: wav(np.stack([tone()[0], 0 * tone()[0]])),
    "gap.wav": _gap,
    "click.wav": lambda: wav(tone(0.15)),
    "piped.wav": _wav_of_a_stream,
    "piped.caf": _caf_of_a_stream,
    "surround.wav": lambda: wav(tone(channels=6), mask=SPEAKERS),
    "surround without places.wav": lambda: wav(tone(channels=6)),
    "quad.wav": lambda: wav(tone(channels=4), mask=0x33),
    "seven one.wav": lambda: wav(tone(channels=8, level=0.9), mask=0x63F),
    "twelve.wav": lambda: wav(tone(channels=12)),
    "voice.caf": lambda: encoded("caf", "pcm_s16le"),
    "voice.au": lambda: encoded("au", "pcm_s16be"),
    "voice.w64": lambda: encoded("w64", "pcm_s16le"),
    "voice.wv": lambda: encoded("wv", "wavpack"),
    "voice.tta": lambda: encoded("tta", "tta"),
    "voice.wma": lambda: encoded("asf", "wmav2"),
    "voice.ac3": lambda: encoded("ac3", "ac3"),
    "voice.aiff": lambda: encoded("aiff", "pcm_s16be"),
    "voice.mp3": lambda: encoded("mp3", "libmp3lame"),
    "wrong name.flac": lambda: encoded("mp3", "libmp3lame"),
    "voice.voc": lambda: encoded("voc", "pcm_u8", layout="mono", rate=22_050),
    "voice.ogg": lambda: encoded("ogg", "libopus", rate=48_000),
    "voice.mka": lambda: encoded("matroska", "flac"),
    "tracks.mka": lambda: many_tracks(100),
    "behind a tag.mp3": lambda: with_id3(encoded("mp3", "libmp3lame"), 0),
}
FILMS: Final[dict[str, Make]] = {
    "film.mp4": lambda: film(sound=tone()),
    "film of surround.mkv": lambda: film("matroska", sound=tone(channels=6, rate=RATE), layout="5.1", audio="ac3"),
    "uneven.mkv": lambda: film("matroska", times=(0, 1, 7, 8, 20, 29), sound=tone()),
    "odd size.mkv": lambda: film("matroska", "ffv1", (33, 17), sound=tone(), pixels="yuv444p"),
    "one pixel.mkv": lambda: film("matroska", "ffv1", (1, 1), sound=tone(), pixels="yuv444p"),
    "see through.mov": lambda: film("mov", "png", pixels="rgba", sound=tone(), audio="pcm_s16le"),
    "film.avi": lambda: film("avi", "mpeg4", sound=tone(), audio="libmp3lame"),
    "film.ts": lambda: film("mpegts", sound=tone()),
}
SILENT_FILMS: Final[dict[str, Make]] = {
    "no sound.mp4": film,
    "no sound.webm": lambda: film("webm", "libvpx"),
    "silent track.mp4": lambda: film(sound=0 * tone()),
}
SILENT_SOUNDS: Final[dict[str, Make]] = {
    "silence.wav": lambda: wav(0 * tone()),
    "nearly silence.wav": lambda: wav(tone(level=0.0003), bits=24),
}
REFUSED: Final[dict[str, Make]] = {
    "empty.wav": lambda: wav(tone()[:, :0]),
    "one sample.wav": lambda: wav(tone()[:, :1]),
    "not a number.wav": lambda: _nan(float("nan")),
    "infinite.wav": lambda: _nan(float("inf")),
    "cut off.wav": _wav_cut,
    "cut off.caf": lambda: _half("caf", "pcm_s16le"),
    "cut off.au": lambda: _half("au", "pcm_s16be"),
    "cut off.w64": lambda: _half("w64", "pcm_s16le"),
    "cut off.mka": lambda: _half("matroska", "flac"),
    "cut off.avi": lambda: film("avi", "mpeg4", sound=tone(3), audio="libmp3lame")[:20_000],
    "slow.wav": lambda: wav(tone(rate=1000), 1),
    "beyond all measure.wav": lambda: wav(tone(level=3e38), bits=32),
    "whole numbers.wav": lambda: wav(tone(level=2**23), bits=32),
    "huge.png": _huge_picture,
    "cut off.m4a": lambda: encoded("ipod", "aac")[:9000],
    "cut off in its head.flac": lambda: encoded("flac", "flac")[:30],
    "cut off.flac": lambda: encoded("flac", "flac", tone(4))[:40_000],
    "cut off.mp4": lambda: film(sound=tone())[:-500],
    "damaged.flac": lambda: damaged(encoded("flac", "flac")),
    "cover alone.mp3": cover_only,
    "tag without end.mp3": lambda: with_id3(encoded("mp3", "libmp3lame"), (1 << 28) - 1),
    "subtitles.mkv": subtitles_only,
    "chained.ogg": lambda: encoded("ogg", "flac") + encoded("ogg", "flac", tone(rate=8000, channels=1), 8000, "mono"),
    "noise.wav": lambda: noise(20_000),
    "list.mp3": lambda: (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n\xff\xfb\n"
    ),
    "list.ffconcat": lambda: b"ffconcat version 1.0\nfile /etc/hostname\n",
    "zip.wav": lambda: b"PK\x03\x04" + noise(500),
    "half a picture.png": lambda: picture("PNG", (300, 300))[:200],
}
