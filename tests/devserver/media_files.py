"""Small media files for tests, written by PyAV and Pillow as a backend would write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, PngImagePlugin

RATE_HZ = 48000
CODECS = {"mp3": "libmp3lame", "flac": "flac", "opus": "libopus", "wav": "pcm_s16le", "m4a": "aac"}
FORMATS = {"m4a": "ipod", "opus": "ogg"}
BACKEND_GRAPH = {"1": {"class_type": "Backend", "inputs": {}}}


def tone(seconds: float, level: float = 0.5) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A stereo tone of 440 Hz, shape (2, samples)."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = (level * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    return np.stack([wave, wave])


def write_audio(path: Path, seconds: float = 1.0, level: float = 0.5, *, metadata: bool = True) -> Path:
    """A tone in the format of the extension, with a backend's own `prompt` and `workflow` tags."""
    ext = path.suffix.removeprefix(".")
    with av.open(str(path), "w", format=FORMATS.get(ext, ext)) as container:
        stream = container.add_stream(CODECS[ext], rate=RATE_HZ, layout="stereo")
        if metadata:
            container.metadata["prompt"] = json.dumps(BACKEND_GRAPH)
            container.metadata["workflow"] = json.dumps({"made_by": "backend"})
        _encode(container, stream, tone(seconds, level))
    return path


def write_video(path: Path, frames: int = 12, *, sound: bool = True) -> Path:
    """An MP4 as ComfyUI's SaveVideo writes it: `prompt` and `workflow` in the form of `keys`."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["prompt"] = json.dumps(BACKEND_GRAPH)
        container.metadata["workflow"] = json.dumps({"made_by": "backend"})
        stream: Any = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        audio: Any = container.add_stream("aac", rate=RATE_HZ, layout="stereo") if sound else None
        for index in range(frames):
            image = np.full((48, 64, 3), index * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
        if audio is not None:
            _encode(container, audio, tone(frames / 12))
    return path


def write_webm(path: Path) -> Path:
    """A WebM as ComfyUI's SaveWEBM writes it."""
    with av.open(str(path), "w", format="webm") as container:
        container.metadata["prompt"] = json.dumps(BACKEND_GRAPH)
        container.metadata["workflow"] = json.dumps({"made_by": "backend"})
        stream: Any = container.add_stream("libvpx-vp9", rate=12, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(6):
            image = np.full((48, 64, 3), index * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return path


def write_image(path: Path) -> Path:
    """A PNG as ComfyUI's SaveImage writes it."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", json.dumps(BACKEND_GRAPH))
    texts.add_text("workflow", json.dumps({"made_by": "backend"}))
    Image.new("RGB", (32, 16), (200, 40, 40)).save(path, "PNG", pnginfo=texts)
    return path


def _encode(container: Any, stream: Any, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
    frame.sample_rate = RATE_HZ
    resampler = av.AudioResampler(stream.format, stream.layout, RATE_HZ, frame_size=stream.frame_size or 1024)
    for block in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))
