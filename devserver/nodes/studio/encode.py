"""Sound files, written block by block: WAV, FLAC, MP3, Opus and AAC, by FFmpeg.

The same sound makes the same bytes: nothing random or dated is written, and the dither is always drawn alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

AT_ONCE = 65_536  # samples of one frame


@dataclass(frozen=True)
class Form:
    """One format. The first of its qualities is what an empty one means.

    `codecs` are FFmpeg's, by quality; `rates_hz` those that they take, all where it is empty.
    """

    ext: str
    container: str
    codecs: Mapping[str, str]
    rates_hz: tuple[int, ...] = ()

    @property
    def qualities(self) -> tuple[str, ...]:
        return tuple(self.codecs)


def _lossy(codec: str, *qualities: str) -> dict[str, str]:
    return dict.fromkeys(qualities, codec)


MPEG_RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES_HZ = (8000, 12_000, 16_000, 24_000, 48_000)
AAC_RATES_HZ = (*MPEG_RATES_HZ, 64_000, 88_200, 96_000)

FORMS: Final[Mapping[str, Form]] = {
    form.ext: form
    for form in (
        Form("flac", "flac", {"24": "flac", "16": "flac"}),
        Form("wav", "wav", {"16": "pcm_s16le", "24": "pcm_s24le", "32f": "pcm_f32le"}),
        Form("mp3", "mp3", _lossy("libmp3lame", "V0", "320k", "256k", "192k", "128k"), MPEG_RATES_HZ),
        Form("opus", "ogg", _lossy("libopus", "160k", "256k", "192k", "128k", "96k", "64k"), OPUS_RATES_HZ),
        # Opus too: of Vorbis FFmpeg has an experiment only, which makes another sound of what it is given.
        Form("ogg", "ogg", _lossy("libopus", "160k", "256k", "192k", "128k", "96k", "64k"), OPUS_RATES_HZ),
        Form("m4a", "ipod", _lossy("aac", "256k", "320k", "192k", "128k"), AAC_RATES_HZ),
    )
}
CODEC_OPTIONS: Final[Mapping[str, dict[str, str]]] = {
    "flac": {"compression_level": "5"},
    "m4a": {"aac_coder": "fast"},  # half the time, and its sound goes 0.7 dB over a ceiling where the other's goes 3.6
}
# LAME makes a sound quieter by these factors at low bit rates; it is given that much more.
LAME_SCALE: Final = {"192k": 0.97, "128k": 0.95}
# How far decoded music was seen to go over the true peak of what was encoded, in dB, the most of 24 pieces of a dozen
# seconds and a little: mastered to -14 LUFS, and to -9. A ceiling set lower by this much is kept by most decoded files.
OVERSHOOT_DB: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "mp3": {"V0": (0.7, 1.0), "320k": (1.0, 1.1), "256k": (1.0, 1.1), "192k": (0.9, 1.6), "128k": (1.7, 1.8)},
    "opus": {
        "256k": (0.5, 1.0),
        "192k": (0.8, 1.1),
        "160k": (1.3, 1.4),
        "128k": (0.6, 1.5),
        "96k": (1.6, 2.7),
        "64k": (1.0, 2.8),
    },
    "m4a": {"320k": (0.9, 2.3), "256k": (0.9, 2.2), "192k": (1.2, 2.6), "128k": (3.1, 2.9)},
}
LOUD_LUFS: Final = -11.5
LOSSLESS: Final = ("flac", "wav")


def form_of(kind: str, quality: str = "") -> tuple[Form, str]:
    """Return the format of a name and its quality, the default for an empty one.

    Raises:
        ValueError: there is no such format, or it has no such quality.
    """
    form = FORMS.get(kind)
    if form is None:
        raise ValueError(f"format is {kind!r}; allowed are {', '.join(FORMS)}")
    if quality and quality not in form.codecs:
        raise ValueError(f"quality is {quality!r}; {kind} allows {', '.join(form.qualities)}")
    return form, quality or form.qualities[0]


def overshoot_db(kind: str, quality: str = "", loudness_lufs: float = -14.0) -> float:
    """Return by how many dB to lower the limiter's ceiling so that the decoded file keeps it; 0 if lossless."""
    _, quality = form_of(kind, quality)
    known = OVERSHOOT_DB.get("opus" if kind == "ogg" else kind)
    return known[quality][loudness_lufs > LOUD_LUFS] if known else 0.0


class Encoder:
    """Writes one file. As a context manager it leaves no half file behind when its body raises.

    Args:
        path: the file to write; its name may end as it likes.
        kind: a key of `FORMS`.
        sample_rate_hz: the rate of the blocks that come.
        channels: 1 or 2.
        quality: one of the format's qualities, "" for its first.
        to_rate_hz: the rate of the file, 0 for that of the blocks; where the codec has no such rate, the next above.

    Raises:
        ValueError: an unknown format or quality, a number of channels or a rate that is not possible.
    """

    def __init__(
        self, path: Path, kind: str, sample_rate_hz: int, channels: int, quality: str = "", *, to_rate_hz: int = 0
    ) -> None:
        import av

        form, self.quality = form_of(kind, quality)
        if channels not in {1, 2} or sample_rate_hz < 1:
            raise ValueError(
                f"a sound has {channels} channels at {sample_rate_hz} Hz; allowed are 1 or 2 at 1 Hz or more"
            )
        self.path, self.kind = path, kind
        self.sample_rate_hz = possible_rate_hz(form, to_rate_hz or sample_rate_hz)
        self.clipped_samples = 0
        self._from_hz, self._channels, self._written = sample_rate_hz, channels, 0
        self._gain = np.float32(1 / LAME_SCALE.get(self.quality, 1.0) if kind == "mp3" else 1.0)
        self._bits = {"16": 16, "24": 24}.get(self.quality)
        self._dither = np.random.default_rng(0)
        self._resampler: Any = None
        options = {"fflags": "+bitexact"}  # no version of the writer, and no random number, in the file
        options |= {"rf64": "auto"} if kind == "wav" else {}
        options |= {"movie_timescale": str(self.sample_rate_hz)} if kind == "m4a" else {}  # for a length to the sample
        self._container: Any = av.open(str(path), "w", format=form.container, options=options)
        self._stream: Any = self._container.add_stream(
            form.codecs[self.quality],
            rate=self.sample_rate_hz,
            layout="mono" if channels == 1 else "stereo",
            options=CODEC_OPTIONS.get(kind, {}),
        )
        _set_quality(self._stream, kind, self.quality)
        if self._bits and self.sample_rate_hz != sample_rate_hz:  # resampled here, so that dither comes after it
            layout = "mono" if channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=self.sample_rate_hz)

    def write(self, block: Samples) -> None:
        """The next float32 [C, n] of the sound, full scale at 1; what is over it is clipped and counted."""
        for start in range(0, block.shape[1], AT_ONCE):
            part = np.ascontiguousarray(block[:, start : start + AT_ONCE], np.float32)
            if self._resampler is None:
                self._encode(part, self._from_hz)
            else:
                self._resample(part)

    def close(self) -> None:
        """Write what is left and the headers that tell the length."""
        try:
            if self._resampler is not None:
                self._resample(None)
            if self._written:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()
            self.path.unlink(missing_ok=True)

    def _resample(self, part: Samples | None) -> None:
        frame = None if part is None else self._frame(part, "fltp", self._from_hz)
        for out in self._resampler.resample(frame):
            self._encode(np.asarray(out.to_ndarray(), np.float32), self.sample_rate_hz)

    def _encode(self, part: Samples, rate_hz: int) -> None:
        if self.quality != "32f":
            self.clipped_samples += int(np.count_nonzero(np.abs(part) > 1))
        if self._bits:
            whole = quantise(part, self._bits, self._dither)
            form = "s16" if self._bits == 16 else "s32"
            frame = self._frame(np.ascontiguousarray(whole.T).reshape(1, -1), form, rate_hz)
        else:
            frame = self._frame(part * self._gain, "fltp", rate_hz)
        frame.pts = self._written
        self._written += part.shape[1]
        self._container.mux(self._stream.encode(frame))

    def _frame(self, values: NDArray[Any], form: str, rate_hz: int) -> Any:
        import av

        frame = av.AudioFrame.from_ndarray(values, format=form, layout="mono" if self._channels == 1 else "stereo")
        frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
        return frame


def possible_rate_hz(form: Form, wanted_hz: int) -> int:
    """Return the rate itself where the codec takes it, else the next above, else the highest."""
    if not form.rates_hz or wanted_hz in form.rates_hz:
        return wanted_hz
    return min((rate for rate in form.rates_hz if rate > wanted_hz), default=max(form.rates_hz))


def quantise(part: Samples, bits: int, dither: np.random.Generator) -> NDArray[Any]:
    """As whole numbers: int16, or int32 whose upper 24 bits count. To 16 bits it is dithered, triangular in shape.

    Silence and what is of 16 bits already stay as they are, to the bit.
    """
    scale = 2 ** (bits - 1)
    scaled = part.astype(np.float64) * scale
    if bits == 16 and not np.array_equal(scaled, np.rint(scaled)):
        scaled += dither.random(part.shape) - dither.random(part.shape)
    whole = np.clip(np.rint(scaled), -scale, scale - 1)
    return np.asarray(whole, np.int16) if bits == 16 else np.asarray(whole * 256, np.int32)


def _set_quality(stream: Any, kind: str, quality: str) -> None:
    context = stream.codec_context
    if kind == "flac":
        context.format = "s16" if quality == "16" else "s32"
        if quality == "24":
            context.options = {**context.options, "bits_per_raw_sample": "24"}
    elif quality == "V0":
        context.qscale, context.global_quality = True, 0
    elif quality.endswith("k"):
        stream.bit_rate = int(quality[:-1]) * 1000
