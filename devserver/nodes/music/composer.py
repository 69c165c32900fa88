"""Writes a song from a brief: harmony, drums, bass, chords and lead, by the rules of its genre."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from .form import plan
from .genre import Genre, Lanes
from .genres import GENRES
from .melody import Line, compose_lead
from .song import BEATS_PER_BAR, PARTS, Brief, Mood, Note, Part, Section, Song, Track
from .theory import Chord, Key, chord, voice_lead

STEPS_PER_BAR = 16
STEP_BEATS = BEATS_PER_BAR / STEPS_PER_BAR
# General MIDI's percussion map
DRUM_PITCHES = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "hat": 42,
    "tom_low": 45,
    "open_hat": 46,
    "tom_mid": 47,
    "crash": 49,
    "tom_high": 50,
    "ride": 51,
    "shaker": 70,
}
ENERGY_SHIFT: dict[Mood, float] = {"calm": -0.16, "energetic": 0.1, "bright": 0.04, "dark": 0.0, "neutral": 0.0}
REGISTER_SHIFT: dict[Mood, int] = {"dark": -3, "bright": 2, "calm": -1, "energetic": 0, "neutral": 0}
BASS_LOW = 28  # E of a bass guitar


@dataclass(frozen=True)
class Bar:
    """One bar of the plan: its section, its place in the song and in the section, and its chord."""

    section: Section
    index: int
    harmony: Chord

    @property
    def in_section(self) -> int:
        return self.index - self.section.start_bar

    @property
    def ends_section(self) -> bool:
        return self.in_section == self.section.bars - 1

    @property
    def start_beats(self) -> float:
        return float(self.index * BEATS_PER_BAR)


@dataclass(frozen=True)
class Score:
    """What every part is written from."""

    brief: Brief
    genre: Genre
    key: Key
    bars: tuple[Bar, ...]
    end_beats: float

    def random(self, part: str) -> Random:
        """A generator for each part, so that one part's changes leave the others alone."""
        return _stream(self.brief.seed, part)

    def swung(self, step: int) -> float:
        """The place of a sixteenth in its bar, in beats."""
        return (step + (self.genre.swing if step % 2 else 0.0)) * STEP_BEATS

    def human(self, rng: Random, at_beats: float) -> float:
        """A start a few milliseconds early or late, as a player's."""
        return max(0.0, at_beats + rng.gauss(0, self.genre.human_seconds) * self.brief.bpm / 60)


def compose(brief: Brief) -> Song:
    """The song for a brief; the same brief makes the same song."""
    genre = GENRES[brief.genre]
    key = Key.named(brief.key)
    sections = plan(brief.seconds, brief.bpm, ENERGY_SHIFT[brief.mood])
    end_beats = brief.seconds * brief.bpm / 60
    bars = tuple(_harmonise(genre, key, sections, _stream(brief.seed, "harmony")))
    score = Score(brief, genre, key, bars, end_beats)
    writers: dict[Part, Callable[[Score], Iterator[Note]]] = {
        "drums": _drums,
        "bass": _bass,
        "chords": _chords,
        "lead": _lead,
    }
    tracks = tuple(
        Track(
            part=part,
            voice=brief.voices.get(part, genre.voices[part]),
            notes=() if part in brief.muted else tuple(_fitted(writers[part](score), end_beats)),
        )
        for part in PARTS
    )
    return Song(
        brief=brief,
        swing_delay_beats=genre.swing * STEP_BEATS,
        sections=sections,
        chords=tuple(bar.harmony.symbol for bar in bars),
        tracks=tracks,
    )


def steps(pattern: str, bar: int) -> Iterator[tuple[int, int, str]]:
    """The (step, length in steps, character) of what begins in a bar of a pattern that repeats."""
    start = bar * STEPS_PER_BAR % len(pattern)
    line = pattern[start : start + STEPS_PER_BAR]
    for step, character in enumerate(line):
        if character not in ".-":
            held = len(line[step + 1 :]) - len(line[step + 1 :].lstrip("-"))
            yield step, 1 + held, character


def _stream(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")  # noqa: S311 - it draws notes, not secrets


def _harmonise(genre: Genre, key: Key, sections: tuple[Section, ...], rng: Random) -> Iterator[Bar]:
    choices = [line.split() for line in genre.progressions[key.mode]]
    verse, chorus = rng.sample(choices, 2) if len(choices) > 1 else choices * 2
    tonic = next((symbol for symbol in verse if symbol.lower().startswith(("i9", "i7", "i5", "iadd", "imaj"))), "I")
    tonic = "i" if tonic == "I" and key.mode == "minor" else tonic
    for section in sections:
        line = chorus if section.name in {"chorus", "outro"} else verse
        # A progression is heard whole, also where a section is too short for its usual pace.
        bars_per_chord = genre.bars_per_chord if section.bars >= len(line) * genre.bars_per_chord else 1
        for offset in range(section.bars):
            symbol = line[offset // bars_per_chord % len(line)] if section.name != "ending" else tonic
            yield Bar(section, section.start_bar + offset, chord(key, symbol))


def _plays(score: Score, bar: Bar, part: Part) -> bool:
    opening = set(score.genre.intro) - set(score.brief.muted)
    return bar.section.name != "intro" or not opening or part in opening


def _drums(score: Score) -> Iterator[Note]:
    rng = score.random("drums")
    for bar in score.bars:
        if bar.section.name == "ending":
            yield from (Note(bar.start_beats, 1.0, DRUM_PITCHES[name], 105) for name in _last_hit(score.genre))
            continue
        if not _plays(score, bar, "drums"):
            continue
        lanes: dict[str, str] = {}
        for energy, groove in score.genre.grooves:
            if energy <= bar.section.energy:
                lanes.update(groove)
        phrase_ends = bar.ends_section or (bar.in_section % 4 == 3 and rng.random() < 0.5)
        fill = rng.choice(score.genre.fills) if phrase_ends and bar.section.energy >= 0.4 else {}
        if bar.in_section == 0 and bar.section.energy >= 0.6 and score.genre.crash:
            yield Note(bar.start_beats, 2.0, DRUM_PITCHES["crash"], 104)
        yield from _hits(score, bar, lanes, fill, rng)


def _last_hit(genre: Genre) -> tuple[str, ...]:
    played = {name for energy, lanes in genre.grooves if energy <= 0.6 for name in lanes}
    return tuple(name for name in ("kick", "crash") if name in played or (name == "crash" and genre.crash))


def _hits(score: Score, bar: Bar, lanes: Lanes, fill: Lanes, rng: Random) -> Iterator[Note]:
    for name in dict.fromkeys((*lanes, *fill)):
        played = list(steps(lanes[name], bar.in_section)) if name in lanes else []
        if name in fill:
            filled = list(steps(fill[name], 0))
            played = [hit for hit in played if hit[0] < filled[0][0]] + filled
        for step, _, digit in played:
            velocity = min(127, max(1, int(digit) * 13 + 8 + rng.randint(-5, 5)))
            at_beats = score.human(rng, bar.start_beats + score.swung(step))
            yield Note(at_beats, STEP_BEATS, DRUM_PITCHES[name], velocity)


def _bass(score: Score) -> Iterator[Note]:
    rng = score.random("bass")
    line = ""
    for bar in score.bars:
        root = BASS_LOW + (bar.harmony.root - BASS_LOW) % 12
        if bar.section.name == "ending":
            yield Note(bar.start_beats, score.end_beats - bar.start_beats, root, 108)
            continue
        if bar.in_section == 0:
            line = _chosen(score.genre.bass, bar.section.energy, rng)
        if not _plays(score, bar, "bass"):
            continue
        for step, length, character in steps(line, bar.in_section):
            velocity = 104 + rng.randint(-6, 6) + (8 if step % 8 == 0 else 0)
            at_beats = score.human(rng, bar.start_beats + score.swung(step))
            yield Note(at_beats, length * STEP_BEATS * 0.96, root + _bass_step(bar.harmony, character), velocity)


def _bass_step(harmony: Chord, character: str) -> int:
    by_size = {"R": (0, 0), "8": (12, 12), "3": (3, 4), "5": (6, 7), "7": (10, 11)}
    low, high = by_size[character]
    return next(
        (interval for interval in harmony.intervals if low <= interval <= high), high if character != "7" else 12
    )


def _chords(score: Score) -> Iterator[Note]:
    rng = score.random("chords")
    genre = score.genre
    centre = genre.chord_centre + REGISTER_SHIFT[score.brief.mood]
    voicing: list[int] = []
    line = ""
    for bar in score.bars:
        voicing = voice_lead(bar.harmony, voicing, centre, genre.chord_voices)
        if bar.section.name == "ending":
            hits = [(0, (score.end_beats - bar.start_beats) / STEP_BEATS, "7")]
        else:
            if bar.in_section == 0:
                line = _chosen(genre.comping, bar.section.energy, rng)
            hits = [(step, float(length), digit) for step, length, digit in steps(line, bar.in_section)]
        if not _plays(score, bar, "chords"):
            continue
        for step, length, digit in hits:
            at_beats = score.human(rng, bar.start_beats + score.swung(step))
            for index, pitch in enumerate(voicing):
                late = index * 0.016 * score.brief.bpm / 60 if genre.chord_style == "strum" else 0.0
                velocity = int(digit) * 10 + 20 + rng.randint(-5, 5)
                yield Note(at_beats + late, length * STEP_BEATS * 0.97, pitch, velocity)


def _lead(score: Score) -> Iterator[Note]:
    rng = score.random("lead")
    alone = {"drums", "bass", "chords"} <= set(score.brief.muted)
    lines = [
        Line(
            bar=bar.in_section,
            harmony=bar.harmony,
            start_beats=bar.start_beats,
            role=bar.section.name,
            closes=bar.ends_section or bar.in_section % 4 == 3,
            plays=_plays(score, bar, "lead") and (alone or bar.section.energy >= score.genre.melody.min_energy),
        )
        for bar in score.bars
    ]
    shift = REGISTER_SHIFT[score.brief.mood]
    for step, bar_beats, length_beats, pitch, velocity in compose_lead(
        score.genre.melody, score.key, lines, shift, rng
    ):
        yield Note(score.human(rng, bar_beats + score.swung(step)), length_beats, pitch, velocity)


def _chosen(patterns: tuple[tuple[float, str], ...], energy: float, rng: Random) -> str:
    """One of the liveliest patterns that the energy allows."""
    allowed = [(level, line) for level, line in patterns if level <= energy] or [patterns[0]]
    top = max(level for level, _ in allowed)
    return rng.choice([line for level, line in allowed if level >= top - 0.31])


def _fitted(notes: Iterator[Note], end_beats: float) -> Iterator[Note]:
    """Notes in order of time, rounded to what JSON shows, none longer than the song."""
    for note in sorted(notes):
        left = end_beats - note.start_beats
        if left > 0.01:
            duration = max(0.01, min(note.duration_beats, left))
            yield Note(round(note.start_beats, 5), round(duration, 5), note.pitch, min(127, max(1, note.velocity)))
