"""One picture of a piece: its spectrum over time, and its notes, with the bars and sections marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.music_sound import Samples
from devserver.nodes.music.drumming import FIRST_DRUM
from devserver.nodes.music.song import Part, Song

WIDTH, SPECTRUM_HEIGHT, ROLL_HEIGHT, DRUM_HEIGHT, MARGIN = 1500, 420, 460, 170, 18
LOWEST_HZ, HIGHEST_HZ = 30.0, 18_000.0
FLOOR_DB = 75.0
LOWEST_PITCH, HIGHEST_PITCH = 22, 98
COLOURS: dict[Part, tuple[int, int, int]] = {
    "drums": (235, 235, 235),
    "bass": (255, 140, 60),
    "chords": (90, 150, 255),
    "lead": (110, 230, 120),
}


def draw(song: Song, audio: Samples, rate: int, path: Path, caption: str) -> None:
    picture = Image.new("RGB", (WIDTH, SPECTRUM_HEIGHT + ROLL_HEIGHT + DRUM_HEIGHT + 2 * MARGIN), (12, 12, 18))
    picture.paste(_spectrum(audio, rate), (0, MARGIN))
    pen = ImageDraw.Draw(picture)
    pen.text((4, 3), caption, fill=(255, 255, 255))
    _notes(pen, song)
    _sections(pen, song)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _spectrum(audio: Samples, rate: int) -> Image.Image:
    mono = audio.mean(axis=0)
    size = 4096
    padded = np.pad(mono, size // 2)
    starts = np.linspace(0, len(mono) - 1, WIDTH).astype(int)
    window = np.hanning(size)
    frames = np.stack([np.abs(np.fft.rfft(padded[start : start + size] * window)) for start in starts])
    hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, SPECTRUM_HEIGHT)
    levels = np.stack([np.interp(hz * size / rate, np.arange(frames.shape[1]), frame) for frame in frames], axis=1)
    decibels = 20 * np.log10(levels + 1e-9)
    shade = np.clip((decibels - decibels.max() + FLOOR_DB) / FLOOR_DB, 0, 1)[::-1]
    return Image.fromarray(_coloured(shade))


def _coloured(shade: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Black over purple and orange to white."""
    red, green, blue = np.clip(shade * 2.2 - 0.3, 0, 1), np.clip(shade * 2 - 0.9, 0, 1), np.sin(shade * np.pi) * 0.7
    return (np.stack([red, green, np.maximum(blue, shade**4)], axis=-1) * 255).astype(np.uint8)


def _x(song: Song, beats: float) -> float:
    return beats * 60 / song.brief.bpm / song.brief.seconds * WIDTH


def _notes(pen: ImageDraw.ImageDraw, song: Song) -> None:
    top = SPECTRUM_HEIGHT + MARGIN
    row = ROLL_HEIGHT / (HIGHEST_PITCH - LOWEST_PITCH)
    drums = sorted({note.pitch for t in song.tracks if t.part == "drums" for note in t.notes})
    for track in song.tracks:
        for note in track.notes:
            left, right = _x(song, note.start_beats), _x(song, note.start_beats + note.duration_beats)
            colour = tuple(round(part * (0.35 + 0.65 * note.velocity / 127)) for part in COLOURS[track.part])
            if track.part == "drums":
                height = DRUM_HEIGHT / max(8, len(drums))
                y = top + ROLL_HEIGHT + MARGIN + DRUM_HEIGHT - (drums.index(note.pitch) + 1) * height
                right = right if note.pitch < FIRST_DRUM else left + 3
            else:
                height = row
                y = top + (HIGHEST_PITCH - note.pitch) * row
            pen.rectangle((left, y, max(left + 1, right - 1), y + max(2.0, height - 1)), fill=colour)


def _sections(pen: ImageDraw.ImageDraw, song: Song) -> None:
    bottom = SPECTRUM_HEIGHT + ROLL_HEIGHT + DRUM_HEIGHT + 2 * MARGIN
    for bar in range(len(song.chords) + 1):
        x = _x(song, bar * song.beats_per_bar)
        pen.line((x, SPECTRUM_HEIGHT + MARGIN, x, bottom), fill=(45, 45, 55))
    for section in song.sections:
        x = _x(song, section.start_bar * song.beats_per_bar)
        pen.line((x, MARGIN, x, bottom), fill=(255, 255, 0))
        pen.text((x + 3, SPECTRUM_HEIGHT + MARGIN + 2), f"{section.name} {section.energy:.2f}", fill=(255, 255, 0))
