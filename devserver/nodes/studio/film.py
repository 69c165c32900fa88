"""Draw a sound: spectrum bars, the whole waveform as progress, title, time and lyrics, frame by frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .audio import Samples
from .filters import Tick
from .lettering import Lettering, Mask
from .lyrics import Line
from .meter import Array
from .picture import Picture, Rgb

WIDTH, HEIGHT, FPS = 1280, 720, 30
MARGIN: Final = 64
INNER: Final = WIDTH - 2 * MARGIN
WINDOW: Final = 4096
FLOOR_DB: Final = 52.0  # what the bars show below the loudest
FALL: Final = 0.87  # of a bar, from frame to frame
CAP_FALL: Final = 0.006
FADE_SECONDS: Final = 0.25
ANNOUNCED_SECONDS: Final = 3.0
LYRICS_TOP, LYRICS_HEIGHT = 176, 104
BASE: Final = 532  # the line that the bars stand on
WAVE_MIDDLE, WAVE_HALF = 624, 34
WAVE_PITCH, WAVE_BAR = 6, 4

White: Rgb = (0.95, 0.96, 1.0)


@dataclass(frozen=True)
class Palette:
    """Colours from 0 to 1: the background's top and bottom, and the bars from left to right."""

    top: Rgb
    bottom: Rgb
    bars: tuple[Rgb, ...]


PALETTES: Final[dict[str, Palette]] = {
    "aurora": Palette(
        (0.035, 0.03, 0.09), (0.02, 0.10, 0.13), ((0.22, 0.85, 0.75), (0.35, 0.55, 1.0), (0.85, 0.4, 1.0))
    ),
    "ember": Palette((0.08, 0.03, 0.04), (0.12, 0.05, 0.02), ((1.0, 0.75, 0.25), (1.0, 0.42, 0.25), (0.95, 0.25, 0.5))),
    "ocean": Palette((0.01, 0.04, 0.09), (0.0, 0.09, 0.16), ((0.3, 0.95, 0.9), (0.15, 0.65, 1.0), (0.3, 0.4, 0.95))),
    "forest": Palette((0.02, 0.06, 0.04), (0.05, 0.10, 0.05), ((0.85, 0.9, 0.35), (0.4, 0.85, 0.45), (0.1, 0.7, 0.6))),
    "mono": Palette((0.05, 0.05, 0.055), (0.09, 0.09, 0.1), ((0.95, 0.95, 0.97), (0.8, 0.8, 0.84), (0.65, 0.65, 0.7))),
}


@dataclass(frozen=True)
class Style:
    palette: Palette
    bars: int
    title: str
    subtitle: str


class Film:
    """The frames of a sound [C, T]. Memory does not grow with its length; `tick` is called while it gets ready."""

    def __init__(self, sound: Samples, sample_rate_hz: int, style: Style, lines: list[Line], *, tick: Tick) -> None:
        self.sound, self.rate, self.style, self.lines = sound, sample_rate_hz, style, lines
        self.seconds = sound.shape[1] / sample_rate_hz
        self.count = math.ceil(self.seconds * FPS)
        texts = [style.title, style.subtitle, *(line.text for line in lines)]
        self.lettering = Lettering([*texts, "0123456789:/"])
        self._room = 250 if lines else 350  # height of the bars
        tick()
        self._still = self._background()
        tick()
        self._unplayed, self._played = self._still.copy(), self._still.copy()
        self._waves()
        tick()
        self._lit, self._lit_low = self._still.copy(), self._still.copy()
        self._colour_bars()
        tick()
        self._line_masks: dict[tuple[int, int], Mask] = {}
        self._clock_text = ""

    def frames(self) -> Iterator[Picture]:
        """Yield each frame, in the same picture: it is to be used before the next is asked for."""
        picture = self._unplayed.copy()
        levels, caps = np.zeros(self.style.bars), np.zeros(self.style.bars)
        reference_db = self._loudest_db()
        for first in range(0, self.count, FPS):
            bands = self._bands_db(np.arange(first, min(first + FPS, self.count)))
            for number, band in enumerate((bands - reference_db + FLOOR_DB) / FLOOR_DB, first):
                levels = np.maximum(np.clip(band, 0, 1), levels * FALL)
                caps = np.maximum(levels, caps - CAP_FALL)
                self._draw_bars(picture, levels, caps)
                self._draw_progress(picture, number)
                self._draw_lyrics(picture, number / FPS)
                yield picture

    def _background(self) -> Picture:
        """Return a gradient with a glow behind the bars, and what is written on it and stays."""
        palette, picture = self.style.palette, Picture(WIDTH, HEIGHT)
        down = np.linspace(0, 1, HEIGHT)[:, np.newaxis, np.newaxis]
        image = np.array(palette.top) * (1 - down) + np.array(palette.bottom) * down
        x, y = np.linspace(-1, 1, WIDTH)[np.newaxis, :], np.linspace(0, 1, HEIGHT)[:, np.newaxis]
        glow = np.exp(-((x / 0.75) ** 2) - ((y - BASE / HEIGHT) / 0.33) ** 2)[..., np.newaxis]
        image = np.broadcast_to(image, (HEIGHT, WIDTH, 3)) + 0.09 * glow * np.array(palette.bars[1])
        picture.paint(image * (1 - 0.35 * (x**2)[..., np.newaxis] * np.abs(2 * y - 1)[..., np.newaxis]))
        y_at = 44
        if self.style.title.strip():
            mask = self.lettering.words(self.style.title, 46, INNER, 2)
            picture.blend(mask, MARGIN, y_at, White)
            y_at += mask.shape[0] + 2
        if self.style.subtitle.strip():
            picture.blend(self.lettering.words(self.style.subtitle, 25, INNER), MARGIN, y_at, White, 0.6)
        return picture

    def _waves(self) -> None:
        """The outline of the whole sound: dim where it is to come, coloured where it was."""
        count = INNER // WAVE_PITCH
        edges = np.linspace(0, self.sound.shape[1], count + 1).astype(int)
        power = [self._rms(int(low), int(high)) for low, high in itertools.pairwise(edges)]
        heights = np.maximum(2, np.array(power) / max(*power, 1e-6) * WAVE_HALF)
        mask = np.zeros((2 * WAVE_HALF, INNER), np.float32)
        rows = np.abs(np.arange(2 * WAVE_HALF) + 0.5 - WAVE_HALF)[:, np.newaxis]
        for column in range(WAVE_BAR):
            shorter = 1.0 if column in {0, WAVE_BAR - 1} else 0.0
            mask[:, column::WAVE_PITCH] = np.clip(heights - shorter - rows + 0.5, 0, 1)[:, :count]
        x, y = MARGIN, WAVE_MIDDLE - WAVE_HALF
        self._unplayed.blend(mask, x, y, White, 0.22)
        for column in range(0, INNER, WAVE_PITCH):
            colour = self._colour(column / INNER)
            self._played.blend(mask[:, column : column + WAVE_PITCH], x + column, y, colour)

    def _rms(self, low: int, high: int) -> float:
        part = self.sound[:, low : max(high, low + 1)]
        part = part[:, :: max(1, part.shape[1] // 4096)]  # enough for the eye
        return float(np.sqrt(np.mean(np.square(part, dtype=np.float64)))) if part.size else 0.0

    def _colour(self, way: float) -> Rgb:
        stops = np.array(self.style.palette.bars)
        at = np.linspace(0, 1, len(stops))
        red, green, blue = (float(np.interp(way, at, stops[:, part])) for part in range(3))
        return red, green, blue

    def _colour_bars(self) -> None:
        """The whole area of the bars and of their reflections in their colours, brighter towards the top."""
        pitch = INNER // self.style.bars // 2 * 2
        bar = max(2, pitch * 2 // 3 // 2 * 2)
        start = MARGIN + (INNER - pitch * self.style.bars) // 4 * 2
        self._columns = np.full(WIDTH, -1)
        self._round = np.zeros(WIDTH)
        up = np.linspace(1.1, 0.72, self._room)[:, np.newaxis, np.newaxis]
        for number in range(self.style.bars):
            left = start + number * pitch
            self._columns[left : left + bar] = number
            across = np.abs(np.arange(bar) - (bar - 1) / 2) / (bar / 2)
            self._round[left : left + bar] = (1 - np.sqrt(np.maximum(0, 1 - across**2))) * min(bar / 2, 5)
            colour = np.clip(np.array(self._colour(number / max(1, self.style.bars - 1))) * up, 0, 1)
            self._lit.paint(np.broadcast_to(colour, (self._room, bar, 3)), left, BASE - self._room)
        low = self._room // 5 // 2 * 2
        fade = np.linspace(0.26, 0.0, low, dtype=np.float32)[:, np.newaxis]
        for number in range(self.style.bars):
            left = start + number * pitch
            self._lit_low.blend(np.repeat(fade, bar, axis=1), left, BASE, self._colour(number / self.style.bars))
        self._low = low
        self._inside = self._columns >= 0

    def _draw_bars(self, picture: Picture, levels: Array, caps: Array) -> None:
        """Bars from the base line up with round ends, a line where each was highest, and what the floor mirrors."""
        room, low = self._room, self._low
        heights = np.where(self._inside, levels[self._columns] * (room - 6) + 3 - self._round, 0)
        marks = np.where(self._inside, caps[self._columns] * (room - 6) + 5, -9)
        rows = np.arange(room, 0, -1)[:, np.newaxis]
        shown = (rows <= heights) | ((rows > marks - 1.5) & (rows <= marks + 0.5))
        self._choose(picture, shown, self._lit, BASE - room)
        below = np.arange(low)[:, np.newaxis]
        self._choose(picture, below < heights * (low / room), self._lit_low, BASE)

    def _choose(self, picture: Picture, shown: NDArray[np.bool_], lit: Picture, y: int) -> None:
        """Take pixels from the lit picture where they are shown, else from the still one."""
        height = len(shown)
        full, half = slice(y, y + height), slice(y // 2, (y + height) // 2)
        np.copyto(picture.y[full], self._still.y[full])
        np.copyto(picture.y[full], lit.y[full], where=shown)
        quarter = shown[::2, ::2]
        for own, still, its in ((picture.u, self._still.u, lit.u), (picture.v, self._still.v, lit.v)):
            np.copyto(own[half], still[half])
            np.copyto(own[half], its[half], where=quarter)

    def _draw_progress(self, picture: Picture, number: int) -> None:
        x = int(INNER * min(1.0, (number + 1) / self.count)) // 2 * 2
        if x:
            picture.restore(self._played, MARGIN, WAVE_MIDDLE - WAVE_HALF, x, 2 * WAVE_HALF)
        text = f"{_clock(number / FPS)}/{_clock(self.seconds)}"
        if text != self._clock_text:
            self._clock_text = text
            picture.restore(self._still, 0, WAVE_MIDDLE + WAVE_HALF, WIDTH, HEIGHT - WAVE_MIDDLE - WAVE_HALF)
            now, whole = (self.lettering.words(part, 20, 300) for part in text.split("/"))
            picture.blend(now, MARGIN, WAVE_MIDDLE + WAVE_HALF + 6, White, 0.75)
            picture.blend(whole, WIDTH - MARGIN - whole.shape[1], WAVE_MIDDLE + WAVE_HALF + 6, White, 0.45)

    def _draw_lyrics(self, picture: Picture, seconds: float) -> None:
        """The line of this moment, fading in and out, and below it, dimly, the one that follows."""
        if not self.lines:
            return
        picture.restore(self._still, 0, LYRICS_TOP, WIDTH, LYRICS_HEIGHT)
        y = LYRICS_TOP
        now = next((n for n, line in enumerate(self.lines) if line.start_seconds <= seconds < line.end_seconds), None)
        if now is not None:
            line = self.lines[now]
            y = self._write(
                picture, self._mask(now, 40, 2), y, _strength(line.start_seconds, seconds, line.end_seconds)
            )
        then = next((n for n, line in enumerate(self.lines) if seconds < line.start_seconds), None)
        if then is not None and self.lines[then].start_seconds - seconds < ANNOUNCED_SECONDS:
            start = self.lines[then].start_seconds
            strength = 0.38 * _strength(start - ANNOUNCED_SECONDS, seconds, start)
            self._write(picture, self._mask(then, 24, 1), max(y, LYRICS_TOP + 64), strength)

    def _write(self, picture: Picture, mask: Mask, y: int, strength: float) -> int:
        """Return a line in the middle, if there is room for it below `y`; and where it ends."""
        height, width = (int(measure) for measure in mask.shape)
        if y + height <= LYRICS_TOP + LYRICS_HEIGHT:
            picture.blend(mask, (WIDTH - width) // 4 * 2, y, White, strength)
        return y + height

    def _mask(self, number: int, size: int, lines: int) -> Mask:
        key = (number, size)
        if key not in self._line_masks:
            self._line_masks = {kept: mask for kept, mask in self._line_masks.items() if kept[0] >= number - 1}
            self._line_masks[key] = self.lettering.words(self.lines[number].text, size, INNER, lines)
        return self._line_masks[key]

    def _loudest_db(self) -> float:
        """Return the level of the bars' full height: nearly the loudest band of moments from all over the sound."""
        moments = np.unique(np.linspace(0, self.count - 1, min(self.count, 240)).astype(int))
        return max(-80.0, float(np.percentile(self._bands_db(moments), 99.3)))

    def _bands_db(self, frames: NDArray[np.int_]) -> Array:
        """Return the level of each band at each of the frames, treble raised as the ear hears it."""
        starts = np.round(frames * (self.rate / FPS)).astype(int) - WINDOW // 2
        windows = np.zeros((len(frames), WINDOW), np.float32)
        for window, start in zip(windows, starts, strict=True):
            part = self.sound[:, max(0, start) : max(0, start + WINDOW)].mean(axis=0)
            window[max(0, -start) :][: len(part)] = part
        power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
        edges = np.geomspace(36, min(15_000, self.rate * 0.45), self.style.bars + 1)
        bins = np.arange(power.shape[1]) * self.rate / WINDOW
        middles = np.sqrt(edges[1:] * edges[:-1])
        smooth = np.stack([np.interp(middles, bins, row) for row in power])
        total = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(power, axis=1)], axis=1)
        at = np.searchsorted(bins, edges)
        wide = (total[:, at[1:]] - total[:, at[:-1]]) / np.maximum(1, at[1:] - at[:-1])
        values = np.where(at[1:] - at[:-1] > 1, wide, smooth)
        return np.asarray(10 * np.log10(values + 1e-12) + 3.2 * np.log2(middles / 1000))


def _strength(start_seconds: float, seconds: float, end_seconds: float) -> float:
    """Return the opacity of a line that fades in and out."""
    edge = min(seconds - start_seconds, end_seconds - seconds) + 1 / FPS
    return max(0.0, min(1.0, edge / FADE_SECONDS))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
