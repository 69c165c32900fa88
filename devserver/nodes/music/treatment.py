"""Apply the words of a brief to the mix: the genre's levels, changed by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .genre import Bed, Levels
from .genres import GENRES
from .song import Brief

Treatment = Callable[[Levels], Levels]

MOST_REVERB, MOST_SECONDS, MOST_ECHO = 0.7, 5.0, 0.6


def apply_treatments(brief: Brief) -> Levels:
    """Return the levels that a song of this brief is mixed with."""
    levels = GENRES[brief.genre].levels
    for word in dict.fromkeys((*brief.textures, *brief.production)):
        if word in TREATMENTS:
            levels = TREATMENTS[word](levels)
    return replace(
        levels,
        reverb=min(MOST_REVERB, levels.reverb),
        reverb_seconds=min(MOST_SECONDS, levels.reverb_seconds),
        echo=min(MOST_ECHO, levels.echo),
    )


def _room(more: float, longer: float = 1.0) -> Treatment:
    return lambda levels: replace(levels, reverb=levels.reverb + more, reverb_seconds=levels.reverb_seconds * longer)


def _dry(levels: Levels) -> Levels:
    return replace(levels, reverb=levels.reverb * 0.25, reverb_seconds=levels.reverb_seconds * 0.6, echo=0.0)


def _echo(levels: Levels) -> Levels:
    return replace(levels, echo=max(0.4, levels.echo * 1.4))


def _tilt(decibels: float) -> Treatment:
    return lambda levels: replace(levels, tilt_db=levels.tilt_db + decibels)


def _drive(amount: float, tilt_db: float = 0.0) -> Treatment:
    return lambda levels: replace(levels, drive=max(levels.drive, amount), tilt_db=levels.tilt_db + tilt_db)


def _bass(decibels: float) -> Treatment:
    return lambda levels: replace(levels, bass=levels.bass + decibels)


def _drums(decibels: float) -> Treatment:
    return lambda levels: replace(levels, drums=levels.drums + decibels)


def _bed(bed: Bed, tilt_db: float = 0.0) -> Treatment:
    return lambda levels: replace(
        levels, beds=tuple(dict.fromkeys((*levels.beds, bed))), tilt_db=levels.tilt_db + tilt_db
    )


def _width(width: float) -> Treatment:
    return lambda levels: replace(levels, width=width)


def _sidechain(levels: Levels) -> Levels:
    return replace(levels, duck=max(0.8, levels.duck))


TREATMENTS: Mapping[str, Treatment] = {
    "reverb": _room(0.14, 1.3),
    "spring reverb": _room(0.12),
    "spacious": _room(0.1, 1.3),
    "ethereal": _room(0.12, 1.4),
    "atmospheric": _room(0.1, 1.3),
    "distant": lambda levels: _tilt(-2.5)(_room(0.16, 1.3)(levels)),
    "washed out": lambda levels: _tilt(-2.0)(_room(0.2, 1.5)(levels)),
    "lush": _room(0.06, 1.2),
    "cinematic": _room(0.1, 1.4),
    "dry": _dry,
    "delay": _echo,
    "sidechain": _sidechain,
    "pulsing": _sidechain,
    "mono": _width(0.0),
    "stereo": _width(1.4),
    "warm": _tilt(-2.0),
    "soft": _tilt(-2.0),
    "smooth": _tilt(-1.5),
    "muted": _tilt(-3.0),
    "smoky": _tilt(-1.5),
    "cold": _tilt(1.5),
    "bright": _tilt(2.0),
    "crisp": _tilt(2.0),
    "sharp": _tilt(2.0),
    "glassy": _tilt(2.0),
    "metallic": _tilt(1.5),
    "heavy": _bass(1.5),
    "fat": _bass(1.5),
    "deep": _bass(1.5),
    "huge": lambda levels: _room(0.06)(_bass(1.0)(levels)),
    "punchy": _drums(1.0),
    "hard": _drums(1.0),
    "light": _bass(-1.5),
    "dirty": _drive(0.4),
    "distorted": _drive(0.6),
    "distortion": _drive(0.6),
    "saturation": _drive(0.35),
    "analog": _drive(0.2),
    "tape": _drive(0.3, -1.5),
    "vintage": _drive(0.25, -1.5),
    "dusty": _bed("crackle", -1.5),
    "vinyl crackle": _bed("crackle", -1.0),
    "noise": _bed("hiss"),
    "rain": _bed("rain"),
    "waves": _bed("waves"),
    "wind": _bed("wind"),
    "bitcrushed": lambda levels: replace(levels, crush_bits=7),
    "8-bit": lambda levels: replace(levels, crush_bits=8),
    "fade-in": lambda levels: replace(levels, fade_in_seconds=4.0),
    "fade-out": lambda levels: replace(levels, fade_out_seconds=8.0),
}
