"""Describe the style of a reference in the words and fields of a brief."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..music.genre import Genre
from ..music.genres import GENRES
from ..music.song import MAX_SECONDS
from ..prompting.brief import BriefValues, Reading
from ..prompting.conflicts import contradictions
from .levels import Samples
from .listen import analyse
from .report import Report, Share
from .separation import layers

FEATURES = ("brightness_octaves", "onsets_root", "percussive_share", "bass_share", "stereo_width", "bpm_confidence")
LEARNT = Path(__file__).with_name("genre_features.json")  # written by `python -m benchmarks.recognition --learn`
HEARD_SECONDS = 12.0  # of the middle, taken apart for its layers
UNHEARD_OF = -12.0  # log likelihood of music that is none of the genres
SURE_GENRE, SURE_TEMPO, SURE_KEY = 0.4, 0.12, 0.1
WHOLE_BPM = 0.15
LIVELY, QUIET = 0.6, 0.3  # of the energy


class GenreGuess(BaseModel):
    genre: str
    confidence: Share


class Style(BaseModel):
    """A reference's style. `brief` holds what a request may say, None where it is not heard well enough."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    brief: BriefValues
    genres: tuple[GenreGuess, ...] = Field(description="the three likeliest; together below 1 where none fits")
    energy: Share = Field(description="of onsets, loudness and brightness")
    bpm_confidence: Share
    key_relative: str | None
    key_confidence: Share
    brightness_hz: float | None
    onsets_per_second: float
    loudness_lufs: float | None
    loudness_range_lu: float | None
    stereo_width: Share
    percussive_share: Share = Field(description="of the power, in a preview of the layers")
    bass_share: Share
    seconds: Annotated[float, Field(ge=0)]
    notes: tuple[str, ...] = ()

    @property
    def prompt(self) -> str:
        """Return the brief in words that the parser reads back to the same fields."""
        brief = self.brief
        said = [
            brief.genre,
            brief.bpm and f"{brief.bpm:g} bpm",
            brief.key and f"in {brief.key}",
            *(brief.moods or ()),
            *(brief.texture or ()),
            brief.duration_seconds and f"{brief.duration_seconds:g} seconds",
        ]
        return ", ".join(str(words) for words in said if words)


class ClipAnalysis(NamedTuple):
    report: Report
    percussive_share: float
    bass_share: float

    @property
    def features(self) -> list[float]:
        """Return the values of `FEATURES`."""
        report = self.report
        return [
            math.log2(max(report.brightness_hz or 0.0, 20.0)),
            math.sqrt(report.onsets_per_second),
            self.percussive_share,
            self.bass_share,
            report.stereo_width,
            report.bpm_confidence,
        ]


def listen(audio: Samples, sample_rate_hz: int, tick: Callable[[], None]) -> ClipAnalysis:
    """Return all measurements that decide the style of float32 [C, T]."""
    report = analyse(audio, sample_rate_hz, tick)
    middle, half = audio.shape[1] // 2, round(HEARD_SECONDS / 2 * sample_rate_hz)
    part = np.nan_to_num(np.asarray(audio[:, max(0, middle - half) : middle + half], np.float32))
    powers = [
        float(np.square(layer, dtype=np.float64).sum())
        for layer in layers(part, sample_rate_hz, lambda _done, _total: tick())
    ]
    total = sum(powers)
    return ClipAnalysis(report, powers[0] / total if total else 0.0, powers[1] / total if total else 0.0)


def style_of(heard: ClipAnalysis) -> Style:
    """Return the style of what was heard."""
    report = heard.report
    guesses = guess_genre(heard)
    best = guesses[0] if guesses else None
    genre = GENRES[best.genre] if best and best.confidence >= SURE_GENRE else None
    bpm = _fold_tempo(report, genre) if report.bpm_confidence >= SURE_TEMPO else None
    silent = report.loudness_lufs is None
    energy = 0.0 if silent else _energy(report)
    notes = ["The reference is silent."] if silent else []
    if report.seconds > MAX_SECONDS:
        notes.append(f"The reference lasts {report.seconds:.0f} s; a piece made here at most {MAX_SECONDS:.0f} s.")
    brief = BriefValues(
        genre=best.genre if best and genre else None,
        bpm=bpm,
        key=report.key if report.key_confidence >= SURE_KEY else None,
        moods=None if silent else _moods(energy, bpm) or None,
        texture=None if silent else _textures(heard) or None,
        duration_seconds=round(report.seconds, 2) if 0.01 <= report.seconds <= MAX_SECONDS else None,
    )
    return Style(
        brief=brief,
        genres=tuple(guesses[:3]),
        energy=energy,
        bpm_confidence=report.bpm_confidence,
        key_relative=report.key_relative,
        key_confidence=report.key_confidence,
        brightness_hz=report.brightness_hz,
        onsets_per_second=report.onsets_per_second,
        loudness_lufs=report.loudness_lufs,
        loudness_range_lu=report.loudness_range_lu,
        stereo_width=report.stereo_width,
        percussive_share=round(heard.percussive_share, 3),
        bass_share=round(heard.bass_share, 3),
        seconds=report.seconds,
        notes=tuple(notes),
    )


def guess_genre(heard: ClipAnalysis) -> list[GenreGuess]:
    """Return the genres of the composer's table by how likely they are, the likeliest first; none for silence."""
    report = heard.report
    if report.loudness_lufs is None or report.brightness_hz is None:
        return []
    learnt = _learnt()
    fits = {}
    for name, genre in GENRES.items():
        if name in learnt["means"]:
            away = (np.array(heard.features) - learnt["means"][name]) / learnt["spreads"]
            fits[name] = -0.5 * float((away**2).sum()) + _tempo_fit(report, genre)
    top = max([*fits.values(), UNHEARD_OF])
    weights = {name: math.exp(fit - top) for name, fit in fits.items()}
    total = sum(weights.values()) + math.exp(UNHEARD_OF - top)
    ordered = sorted(weights, key=lambda name: (-weights[name], name))
    return [GenreGuess(genre=name, confidence=round(weights[name] / total, 3)) for name in ordered]


def _tempo_fit(report: Report, genre: Genre) -> float:
    """Return how well the tempo, or its half or double, fits the genre's range (log likelihood, 0 at its middle)."""
    bpm = _fold_tempo(report, genre) if report.bpm_confidence >= SURE_TEMPO else None
    if bpm is None:
        return 0.0
    slowest, fastest = genre.bpm_range
    away = math.log2(bpm / genre.bpm) / math.log2(fastest / slowest) * 2
    outside = 0.0 if slowest * 0.99 <= bpm <= fastest * 1.01 else 3.0
    return -0.5 * away**2 - outside


def _fold_tempo(report: Report, genre: Genre | None) -> float | None:
    """Return the measured tempo, its half or its double, whichever is nearest to the genre's; rounded if close."""
    if report.bpm is None or report.bpm_half is None or report.bpm_double is None:
        return None
    own = genre.bpm if genre else report.bpm
    bpm = min((report.bpm, report.bpm_half, report.bpm_double), key=lambda tempo: abs(math.log2(tempo / own)))
    return float(round(bpm)) if abs(bpm - round(bpm)) < WHOLE_BPM else round(bpm, 1)


def _energy(report: Report) -> float:
    onsets = min(1.0, report.onsets_per_second / 8)
    loud = min(1.0, max(0.0, ((report.loudness_lufs or 0.0) + 30) / 20))
    bright = min(1.0, max(0.0, math.log2(max(report.brightness_hz or 0.0, 20.0) / 400) / 3.5))
    return round(0.5 * onsets + 0.2 * loud + 0.3 * bright, 3)


def _moods(energy: float, bpm: float | None) -> tuple[str, ...]:
    """Return a mood that does not contradict the tempo, where there is one."""
    moods = ("energetic",) if energy > LIVELY else ("calm",) if energy < QUIET else ()
    said = {"bpm": Reading(bpm, None, 1.0, "user"), "moods": Reading(moods, None, 1.0, "user")}
    return () if bpm and moods and any(contradictions(said)) else moods


def _textures(heard: ClipAnalysis) -> tuple[str, ...]:
    report = heard.report
    brightness_hz, onsets = report.brightness_hz or 0.0, report.onsets_per_second
    words = {
        "bright": brightness_hz > 4000,
        "warm": brightness_hz < 1200,
        "dense": onsets > 8,
        "sparse": onsets < 1.5,
        "deep": heard.bass_share > 0.5,
        "spacious": report.stereo_width > 0.25,
    }
    return tuple(word for word, fits in words.items() if fits)


@lru_cache(maxsize=1)
def _learnt() -> dict[str, Any]:
    """Means of the features by genre, and their spread within a genre."""
    read: dict[str, Any] = json.loads(LEARNT.read_text(encoding="utf-8"))
    return read
