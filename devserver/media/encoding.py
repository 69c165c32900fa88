"""Encode many files as one continuous sound while it grows, for listeners who hear it while it is made."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

RATE_HZ: Final = 48_000
STEP_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Form:
    """A container and codec that can be played before its end is known. `bit_rate` is in bits per second."""

    name: str
    mime: str
    codec: str
    bit_rate: int
    options: Mapping[str, str] = field(default_factory=dict)


FORMS: Final[Mapping[str, Form]] = {
    form.name: form
    for form in (
        # The length is not known yet, so a header with one would be wrong. A constant rate lets players estimate it.
        Form("mp3", "audio/mpeg", "libmp3lame", 192_000, {"write_xing": "0", "id3v2_version": "0"}),
        Form("webm", "audio/webm", "libopus", 128_000, {"live": "1", "cluster_time_limit": "250"}),
    )
}


class Undecodable(Exception):
    """A file without sound, or a damaged one."""


def load_codecs() -> None:
    """Load the codecs; the first time takes a moment."""
    import av

    _ = av


class _Sink(io.RawIOBase):
    """The target of a container: it can only be written, never sought."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)


class Encoder:
    """Encodes files one after the other, without a gap between them, at 48 kHz in stereo.

    Not for two threads at once. `write` is called with each stretch of the result.
    """

    def __init__(self, form: Form, write: Callable[[bytes], None]) -> None:
        import av

        options = {**form.options, "flush_packets": "1"}
        self._container: Any = av.open(_Sink(write), "w", format=form.name, options=options, buffer_size=4096)
        self._stream: Any = cast("Any", self._container.add_stream(form.codec, rate=RATE_HZ))
        self._stream.layout = "stereo"
        self._stream.bit_rate = form.bit_rate
        self._stream.codec_context.open()
        self._queue = av.AudioFifo()
        self._resampler: Any = None
        self._input_form: tuple[Any, ...] = ()
        self._encoded = 0
        self.seconds = 0.0  # the length added so far

    def add(self, path: Path, skip_seconds: float = 0.0) -> Iterator[float]:
        """Encode a file, from `skip_seconds` on, a second at a time; yield the seconds encoded so far.

        A step takes as long as encoding takes, so that a thread can serve others between two of them.

        Raises:
            FileNotFoundError: the file does not exist.
            Undecodable: it cannot be decoded; the part before the damage is encoded.
        """
        import av

        reported = self.seconds
        try:
            with av.open(str(path)) as container:
                if not container.streams.audio:
                    raise Undecodable(f"{path.name} has no sound")
                left = round(skip_seconds * (container.streams.audio[0].rate or RATE_HZ))
                for frame in container.decode(audio=0):
                    if left >= frame.samples:  # whole frames alone: at most a frame's length is heard twice
                        left -= frame.samples
                        continue
                    left = 0
                    self._resample(frame)
                    if self.seconds - reported >= STEP_SECONDS:
                        reported = self.seconds
                        yield reported
        except av.error.FileNotFoundError as error:
            raise FileNotFoundError(str(path)) from error
        except av.FFmpegError as error:
            raise Undecodable(f"{path.name}: {error}") from error

    def close(self) -> None:
        """Encode the rest, and close the container."""
        self._flush_resampler()
        self._encode(whole=False)
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()

    def _resample(self, frame: Any) -> None:
        import av

        came = (frame.format.name, frame.layout.name, frame.sample_rate)
        if came != self._input_form:  # another kind of file: the rest of the last one comes first
            self._flush_resampler()
            self._resampler = av.AudioResampler(self._stream.codec_context.format, "stereo", RATE_HZ)
            self._input_form = came
        self.seconds += frame.samples / frame.sample_rate
        frame.pts = None
        self._enqueue(self._resampler.resample(frame))
        self._encode(whole=True)

    def _flush_resampler(self) -> None:
        if self._resampler is not None:
            self._enqueue(self._resampler.resample(None))

    def _enqueue(self, frames: list[Any]) -> None:
        for frame in frames:
            frame.pts = None
            self._queue.write(frame)

    def _encode(self, *, whole: bool) -> None:
        size = self._stream.codec_context.frame_size
        for frame in self._queue.read_many(size, partial=not whole):
            frame.pts, frame.time_base = self._encoded, Fraction(1, RATE_HZ)
            self._encoded += frame.samples
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
