"""The score from which every part is written: bars with their harmony, the feel, and a random stream for each part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from .genre import Genre
from .song import Brief, Mood, Part, Section
from .theory import Chord, Key

STEPS_PER_BEAT = 4
STEP_BEATS = 1 / STEPS_PER_BEAT
REGISTER_SHIFT: dict[Mood, int] = {"dark": -3, "bright": 2, "calm": -1, "energetic": 0, "neutral": 0}


@dataclass(frozen=True)
class Bar:
    """One bar of the plan: its section, its place in the song and in the section, its chord and the next bar's."""

    section: Section
    index: int
    harmony: Chord
    following: Chord
    beats: float

    @property
    def in_section(self) -> int:
        return self.index - self.section.start_bar

    @property
    def left_in_section(self) -> int:
        """Bars of the section after this one."""
        return self.section.bars - 1 - self.in_section

    @property
    def ends_section(self) -> bool:
        return self.left_in_section == 0

    @property
    def start_beats(self) -> float:
        return float(self.index * self.beats)

    @property
    def end_beats(self) -> float:
        return float((self.index + 1) * self.beats)


@dataclass(frozen=True)
class Score:
    """The score from which every part is written."""

    brief: Brief
    genre: Genre
    key: Key
    bars: tuple[Bar, ...]
    end_beats: float
    beats_per_bar: float

    @property
    def steps_per_bar(self) -> int:
        return round(self.beats_per_bar * STEPS_PER_BEAT)

    @property
    def register(self) -> int:
        """Semitones by which the mood moves chords and melody."""
        return REGISTER_SHIFT[self.brief.mood]

    def sections(self) -> list[Section]:
        return list(dict.fromkeys(bar.section for bar in self.bars))

    def following(self, bar: Bar) -> Section | None:
        """Return the section after a bar's own."""
        after = bar.section.start_bar + bar.section.bars
        return self.bars[after].section if after < len(self.bars) else None

    def liveliness(self, section: Section) -> float:
        """Return the energy by which a section's patterns are chosen."""
        return section.energy + self.genre.density

    def random(self, part: str) -> Random:
        """Return a generator for each part, so that one part's changes leave the others alone."""
        return stream(self.brief.seed, part)

    def dynamic(self, bar: Bar) -> float:
        """Return the dynamic of a bar; a build grows towards its end."""
        energy = bar.section.energy
        if bar.section.name == "build":
            energy += 0.25 * (bar.in_section + 1) / bar.section.bars
        return 0.6 + 0.44 * energy

    def swung(self, step: float) -> float:
        """Return the place of a sixteenth in its bar, in beats."""
        unit = 2 if self.genre.swung_eighths else 1
        pair, inside = divmod(step, 2 * unit)
        middle = unit * (1 + self.genre.swing)  # where the second of two swung notes lies
        bent = inside * middle / unit if inside <= unit else middle + (inside - unit) * (2 * unit - middle) / unit
        return (pair * 2 * unit + bent) * STEP_BEATS

    def played(self, rng: Random, part: Part, bar_beats: float, step: float) -> float:
        """Return a step's start in beats, a few milliseconds early or late, as a player's."""
        seconds = rng.gauss(0, self.genre.human_seconds) + self.genre.late_seconds.get(part, 0.0)
        return max(0.0, bar_beats + self.swung(step) + seconds * self.brief.bpm / 60)

    def fitted(self, pattern: str, bar: int) -> str:
        """Return a bar of a repeating pattern in the song's metre: shortened, or extended from beat two on."""
        own = self.genre.beats_per_bar * STEPS_PER_BEAT
        start = bar * own % len(pattern)
        line = pattern[start : start + own].ljust(own, ".")
        return (line + line[STEPS_PER_BEAT:] * 2)[: self.steps_per_bar]

    def steps(self, pattern: str, bar: int) -> Iterator[tuple[int, int, str]]:
        """Return the (step, length in steps, character) of what begins in a bar of a pattern."""
        return steps(self.fitted(pattern, bar))


def stream(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")  # noqa: S311 - it draws notes, not secrets


def steps(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield the (step, length in steps, character) of what begins in a bar."""
    for step, character in enumerate(line):
        if character not in ".-":
            held = len(line[step + 1 :]) - len(line[step + 1 :].lstrip("-"))
            yield step, 1 + held, character


def choose_pattern(patterns: tuple[tuple[float, str], ...], energy: float, rng: Random) -> str:
    """One of the liveliest patterns that the energy allows."""
    allowed = [(level, line) for level, line in patterns if level <= energy] or [patterns[0]]
    top = max(level for level, _ in allowed)
    return rng.choice([line for level, line in allowed if level >= top - 0.31])
