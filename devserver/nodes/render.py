"""The node that plays a song into files, piece after piece."""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from .host import host
from .measure.peaks import Peaks
from .music.dsp import SAMPLE_RATE_HZ, Samples
from .music.headroom import Headroom
from .music.mix import Desk, Rendering, Stems, phrases
from .music.report import describe_song
from .music.song import PARTS, Part, Song
from .progress import Progress
from .studio.encode import FORMS, Encoder, form_of, overshoot_db
from .studio.mastering import Mastering

AUTO = "auto"
# What these words mean for a format; a quality of its own may be named instead.
WORDS = {
    "draft": {"mp3": "128k", "opus": "96k", "ogg": "96k", "m4a": "128k", "flac": "16", "wav": "16"},
    "best": {"mp3": "320k", "opus": "256k", "ogg": "256k", "m4a": "320k", "flac": "24", "wav": "32f"},
}
QUALITIES = [AUTO, *WORDS, *dict.fromkeys(quality for form in FORMS.values() for quality in form.qualities)]
STEM_FORMAT, STEM_QUALITY = "flac", "24"
BLOCK = 1 << 16  # samples that are mastered and encoded at once
PARTIAL_LUFS, PARTIAL_KNEE = -15.0, 0.7
RENDERING, HEARING = 0.55, 0.1  # of the whole work; the rest is writing

Spans = list[tuple[int, int]]


class TonewrightRender:
    """Song to files: the mastered mix, its stems, and the outline of its waveform. 48 kHz stereo.

    It plays the song phrase by phrase and hands each out at once as a WAV file of 16 bits (``host().partial``): one
    after the other they are the piece before its mastering, balanced as the score promises. Then it balances the parts
    as they were measured, masters, and writes. Memory does not grow with the length of the song.

    ``ui``: `audio` and `peaks` with one file each, `stems` with files that have a `name` and add up to the mix, and in
    `tonewright` what was played, and how it was balanced and mastered.
    """

    DISPLAY_NAME = "Render (Tonewright)"
    CATEGORY = "tonewright/music"
    DESCRIPTION = (
        "Plays a song from TonewrightCompose into files: the mastered mix, its stems and its waveform's outline."
    )
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        allowed = "; ".join(f"{kind}: {', '.join(form.qualities)}" for kind, form in FORMS.items())
        return {
            "required": {
                "song": ("STRING", {"multiline": True, "forceInput": True}),
                "format": ([*FORMS], {"default": "flac"}),
                "quality": (QUALITIES, {"default": AUTO, "tooltip": f"A word, or bits, or kbit/s. {allowed}"}),
                "loudness_lufs": ("FLOAT", {"default": -14.0, "min": -36.0, "max": -5.0, "step": 0.1}),
                "ceiling_dbtp": ("FLOAT", {"default": -1.0, "min": -12.0, "max": 0.0, "step": 0.1}),
                "stems": ("BOOLEAN", {"default": True}),
                "filename_prefix": ("STRING", {"default": "audio/tonewright"}),
            }
        }

    def run(
        self,
        *,
        song: str,
        format: str,  # noqa: A002 - an input is named as users name it
        quality: str,
        loudness_lufs: float,
        ceiling_dbtp: float,
        stems: bool,
        filename_prefix: str,
    ) -> dict[str, Any]:
        composed = Song.from_json(song)
        _, quality = form_of(format, "" if quality == AUTO else WORDS.get(quality, {}).get(format, quality))
        room_db = overshoot_db(format, quality, loudness_lufs)
        progress = Progress()
        mastering = Mastering(
            loudness_lufs=loudness_lufs, ceiling_dbtp=ceiling_dbtp - room_db, sample_rate_hz=SAMPLE_RATE_HZ
        )
        host().temp_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=host().temp_dir) as raw:  # has no name, so it is gone however this ends
            take = Take(raw, phrases(composed))
            balance = take.record(composed, filename_prefix, progress)
            mix = Mix(take, Desk(composed, {part: gains[1] for part, gains in balance.items()}), mastering)
            stems_down_db = mix.add(progress)
            written = mix.write(Files(filename_prefix, format, quality, stems=stems), progress)
        report = describe_song(composed) | {
            "balance_db": {
                part: {"guessed": _db(guess), "measured": _db(real)} for part, (guess, real) in balance.items()
            },
            "mastering": asdict(mastering.report) | {"stems_reduction_db": stems_down_db},
            "format": format,
            "quality": quality,
        }
        progress.reached(1.0)
        return {"ui": written | {"tonewright": [report]}, "result": ()}


class Take:
    """The parts of a song as they were played, not yet balanced: float32 in a file, span after span."""

    def __init__(self, raw: BinaryIO, spans: Spans) -> None:
        self._raw, self.spans = raw, spans
        self._parts: tuple[Part, ...] = ()

    def record(self, song: Song, prefix: str, progress: Progress) -> dict[Part, tuple[float, float]]:
        """Play the song and hands its pieces out. Returns the gains that balance it, as guessed and as measured."""
        rendering = Rendering(song)
        self._parts = rendering.parts
        guessed = rendering.guess_gains()
        progress.tick()
        desk, loudness = Desk(song, guessed), PARTIAL_LUFS - rendering.loudness_lufs
        pieces = rendering.pieces(self.spans, progress.tick)
        for index, ((start, stop), stems) in enumerate(zip(self.spans, pieces, strict=True)):
            mix, _ = desk.balance(stems, start, stop - start)
            path, entry = host().temp_path(f"{prefix}_piece", "wav")
            _write_wav(path, soften(mix * np.float32(10 ** (loudness / 20))))
            host().partial(index, entry)
            for part in self._parts:
                self._raw.write(stems[part].tobytes())
            progress.reached(RENDERING * stop / self.spans[-1][1])
        measured = rendering.measure_gains()
        return {part: (guessed[part], measured[part]) for part in self._parts}

    def blocks(self) -> Iterator[tuple[int, int, Stems]]:
        """Yield each short block: its start, its length, and the parts in it."""
        self._raw.seek(0)
        for start, stop in self.spans:
            length = stop - start
            whole = {
                part: np.frombuffer(self._raw.read(8 * length), np.float32).reshape(2, length) for part in self._parts
            }
            for at in range(0, length, BLOCK):
                count = min(BLOCK, length - at)
                yield start + at, count, {part: sound[:, at : at + count] for part, sound in whole.items()}


class Mix:
    """A take, balanced and mastered: once heard, once written."""

    def __init__(self, take: Take, desk: Desk, mastering: Mastering) -> None:
        self._take, self._desk, self._mastering = take, desk, mastering
        self._length = take.spans[-1][1]
        self._headroom = Headroom(self._length)

    def add(self, progress: Progress) -> float:
        """Return by how many dB it is turned down at most so that no stem passes full scale."""
        for start, count, raw in self._take.blocks():
            mix, stems = self._desk.balance(raw, start, count)
            self._mastering.add(mix)
            self._headroom.add(stems, start)
            progress.reached(RENDERING + HEARING * start / self._length)
        self._mastering.solve(progress.tick)
        return self._headroom.solve(self._mastering, progress.tick)

    def write(self, files: Files, progress: Progress) -> dict[str, list[Any]]:
        """Write all files; the entries by the list of ``ui`` that they belong to."""
        peaks = Peaks(SAMPLE_RATE_HZ, length_samples=self._length)
        with files:
            for start, count, raw in self._take.blocks():
                mix, stems = self._desk.balance(raw, start, count)
                master = self._master(mix, start)
                peaks.add(master)
                files.write(master, {part: self._master(stem, start) for part, stem in stems.items()})
                progress.reached(RENDERING + HEARING + (1 - RENDERING - HEARING) * start / self._length * 0.99)
        return files.entries | {"peaks": [files.outline(peaks.json())]}

    def _master(self, sound: Samples, start: int) -> Samples:
        return self._headroom.apply(self._mastering.apply(sound, start), start)


class Files:
    """The main file and the stems. Two threads encode while the next stretch is mixed. A failure leaves no file."""

    def __init__(self, prefix: str, form: str, quality: str, *, stems: bool) -> None:
        self._prefix, self._form, self._quality = prefix, form, quality
        self._parts = PARTS if stems else ()
        self._stack = ExitStack()
        self._jobs: list[Future[None]] = []
        self.entries: dict[str, list[Any]] = {"audio": [], "stems": []}

    def __enter__(self) -> Self:
        main, self.entries["audio"] = self._open(self._prefix, self._form, self._quality)
        self._main, self._stems = main, {}
        for part in self._parts:
            self._stems[part], (entry,) = self._open(f"{self._prefix}_{part}", STEM_FORMAT, STEM_QUALITY)
            self.entries["stems"].append(entry | {"name": part})
        self._threads = [self._stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2)]
        return self

    def _open(self, prefix: str, form: str, quality: str) -> tuple[Encoder, list[dict[str, str]]]:
        path, entry = host().save_path(prefix, form)
        return self._stack.enter_context(Encoder(path, form, SAMPLE_RATE_HZ, 2, quality)), [entry]

    def write(self, mix: Samples, stems: Stems) -> None:
        """The next stretch; waits until the one before it is written."""
        self._wait()
        self._jobs = [self._threads[0].submit(self._main.write, mix), self._threads[1].submit(self._write_stems, stems)]

    def _write_stems(self, stems: Stems) -> None:
        for part, encoder in self._stems.items():
            encoder.write(stems[part])

    def _wait(self) -> None:
        for job in self._jobs:
            job.result()

    def outline(self, text: str) -> dict[str, str]:
        """Write the waveform's outline; its entry."""
        path, entry = host().save_path(self._prefix, "json")
        path.write_text(text)
        return entry

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._stack as stack:  # the threads end first, then the encoders write their last or take their files back
            if kind is None:
                self._wait()
            stack.__exit__(kind, error, at)


def soften(sound: Samples) -> Samples:
    """Compress samples above a knee so that none reaches full scale; the others stay as they are."""
    room = np.float32(1 - PARTIAL_KNEE)
    over = np.maximum(np.abs(sound) - np.float32(PARTIAL_KNEE), 0)
    if not over.any():
        return sound
    return np.asarray(sound + np.sign(sound) * (room * np.tanh(over / room) - over), np.float32)


def _write_wav(path: Path, sound: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.rint(sound.T * np.float32(32_767)).astype("<i2").tobytes())


def _db(gain: float) -> float:
    return round(20 * math.log10(gain), 2)
