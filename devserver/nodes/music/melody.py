"""The lead line: a motif of two rhythms and a contour, repeated, varied and closed at the end of each phrase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from .genre import Melody
from .theory import Chord, Key, nearest, scale_pitches

STEP_BEATS = 0.25
# Which motif each bar of a four-bar phrase takes: statement, answer, statement again, and a close.
PHRASE = ("a", "b", "a", "close")
ARCH_SEMITONES = (0, 2, 4, 1)  # a phrase rises to its third bar


@dataclass(frozen=True)
class Line:
    """One bar as the melody sees it. `closes`: a phrase ends here, so the line comes to rest."""

    bar: int
    harmony: Chord
    start_beats: float
    role: str
    closes: bool
    plays: bool


@dataclass(frozen=True)
class Motif:
    """A bar's rhythm as (step, length in steps, accent 1 to 9) and the scale steps from each note to the next."""

    rhythm: tuple[tuple[int, int, int], ...]
    moves: tuple[int, ...]


LeadNote = tuple[int, float, float, int, int]  # step, start of its bar in beats, length in beats, pitch, velocity


def compose_lead(style: Melody, key: Key, bars: Sequence[Line], shift: int, rng: Random) -> Iterator[LeadNote]:
    """The lead's notes, bar by bar. `shift` moves its register by semitones."""
    rhythms = rng.sample(style.rhythms, 2)
    motifs = {name: _motif(rhythm, style, rng) for name, rhythm in zip("ab", rhythms, strict=True)}
    lifted = {name: Motif(motif.rhythm, tuple(-move for move in motif.moves)) for name, motif in motifs.items()}
    low, high = style.low + shift, style.high + shift
    for bar in bars:
        if not bar.plays:
            continue
        pitches = scale_pitches(key, bar.harmony, low, high, pentatonic=style.pentatonic)
        centre = (low + high) / 2 - 3 + ARCH_SEMITONES[bar.bar % 4] + (4 if bar.role == "chorus" else 0)
        place = "close" if bar.closes else PHRASE[bar.bar % 4]
        if bar.role == "ending":
            yield 0, bar.start_beats, 8.0, _resting(key, bar.harmony, pitches, centre), 92
        elif place == "close":
            yield from _close(motifs["b"], key, bar, pitches, centre)
        else:
            own = lifted if bar.role == "chorus" and bar.bar % 8 >= 4 else motifs
            yield from _bar(own[place], bar, pitches, centre)


def _motif(rhythm: str, style: Melody, rng: Random) -> Motif:
    notes = []
    for step, character in enumerate(rhythm):
        if character.isdigit():
            held = len(rhythm[step + 1 :]) - len(rhythm[step + 1 :].lstrip("-"))
            notes.append((step, 1 + held, int(character)))
    moves: list[int] = []
    for _ in notes[1:]:
        leaps = rng.random() < style.leap
        size = rng.choice((2, 3, 4)) if leaps else rng.choice((1, 1, 1, 2))
        balance = sum(moves)  # a line that has climbed tends to fall
        up = rng.random() < (0.5 - 0.15 * balance)
        moves.append(size if up else -size)
    return Motif(tuple(notes), tuple(moves))


def _bar(motif: Motif, bar: Line, pitches: list[int], centre: float) -> Iterator[LeadNote]:
    chord_pitches = [pitch for pitch in pitches if pitch % 12 in bar.harmony.pitch_classes]
    pitch = nearest(chord_pitches, centre)
    for index, (step, length, accent) in enumerate(motif.rhythm):
        if index:
            place = min(len(pitches) - 1, max(0, pitches.index(pitch) + motif.moves[index - 1]))
            pitch = pitches[place]
            if step % 8 == 0 or length >= 4:  # what is heard long or on a strong beat belongs to the chord
                pitch = nearest(chord_pitches, pitch)
        yield step, bar.start_beats, length * STEP_BEATS * 0.92, pitch, 46 + accent * 9


def _close(motif: Motif, key: Key, bar: Line, pitches: list[int], centre: float) -> Iterator[LeadNote]:
    start = [note for note in _bar(motif, bar, pitches, centre) if note[0] < 8]
    yield from start[:-1] if len(start) > 2 else start[:1]
    goal = _resting(key, bar.harmony, pitches, start[-1][3] if start else centre)
    yield 8, bar.start_beats, 1.6, goal, 94


def _resting(key: Key, harmony: Chord, pitches: list[int], near: float) -> int:
    """A tone to rest on: the tonic where the chord has it, else the chord's own root."""
    goal = key.tonic if key.tonic in harmony.pitch_classes else harmony.root
    return nearest([pitch for pitch in pitches if pitch % 12 == goal], near)
