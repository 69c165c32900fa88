"""The lead line: two motifs, stated, repeated, varied, answered by rests, and closed at the end of each phrase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from .genre import Melody
from .score import steps
from .theory import Chord, Key, nearest, scale_pitches

STEP_BEATS = 0.25
# What the bars of a four-bar phrase take. a, b: motifs as they are; v: a with its rhythm varied; i: a upside down;
# s: a a third higher; h: the first half of a, then silence; e: silence, then the second half of b; z: b, coming to
# rest; . : silence.
PHRASES: dict[str, tuple[str, ...]] = {
    "verse": ("a.bz", "a.vz", "ab.z", "a.az", "hhaz", "a.ez", ".abz", "hahz", "ah.z"),
    "chorus": ("abaz", "asbz", "avbz", "aasz", "ahsz", "abhz", "haez", "asez", "hhsz"),
    "bridge": ("i.iz", "b.iz", "ib.z", "e.iz", ".bez"),
    "break": ("a...", "a..z", "..az", "h.h.", "e..z"),
    "build": ("a.aa", "hhaa", "asas", "h.ha"),
    "solo": ("aibz", "vaiz", "isez", "bvaz", "ehvz", "ai.z"),
    "intro": ("a..z", "..a.", "h...", "..h."),
}
SPARSE = {
    "chorus": ("a.bz", "ab.z", "a.sz", "hhbz", "ah.z"),
    "solo": ("a.iz", "v.bz", "h.vz"),
    "build": ("h.h.", "a..."),
}
REST_STEPS = 4  # of silence after a phrase's last note
PICKUPS_IN_TEN = 3
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
    steps: int = 16
    dynamic: float = 1.0


@dataclass(frozen=True)
class Motif:
    """A bar's rhythm as (step, length in steps, accent 1 to 9) and the scale steps from each note to the next."""

    rhythm: tuple[tuple[int, int, int], ...]
    moves: tuple[int, ...]


LeadNote = tuple[float, float, float, int, int]  # step, start of its bar in beats, length in beats, pitch, velocity


def compose_lead(
    style: Melody, rhythms: Sequence[str], key: Key, bars: Sequence[Line], *, shift: int, rng: Random
) -> Iterator[LeadNote]:
    """Yield the lead's notes, bar by bar. `rhythms` are the genre's in the song's metre; `shift` moves by semitones."""
    a, b, c = (_motif(rhythm, style, rng) for rhythm in _three(rhythms, rng))
    sets = {"verse": _family(a, b, rng), "chorus": _family(c, b, rng)}
    last_step, last_interval = rng.choice((0, 0, 2, 4, 6)), rng.choice((0, 0, 1, 2))
    silent = "."  # how the bar before ended, where it ended in silence
    forms = {role: rng.choice(SPARSE.get(role, lines) if style.sparse else lines) for role, lines in PHRASES.items()}
    for bar in bars:
        if not bar.plays:
            continue
        role = {"drop": "chorus", "outro": "verse"}.get(bar.role, bar.role)
        lift = 3 if role in {"chorus", "solo"} else 0
        pitches = scale_pitches(
            key, bar.harmony, style.low + shift, style.high + shift, pentatonic=style.pentatonic and role != "bridge"
        )
        centre = (style.low + style.high) / 2 + shift - 3 + ARCH_SEMITONES[bar.bar % 4] + lift
        if bar.role == "ending":
            yield last_step, bar.start_beats, 8.0, _resting(key, bar.harmony, pitches, centre, last_interval), 90
            continue
        motifs = sets["chorus" if role in {"chorus", "break"} else "verse"]
        place = "z" if bar.closes and role not in {"build", "break"} else forms[role][bar.bar % 4]
        if place in "av" and bar.bar % 8 >= 4:  # the second phrase of a section is not the first
            place = "s" if place == "a" else "i"
        notes = list(_write_bar(place, motifs, _Place(key, bar, pitches, centre)))
        leads_in = silent and notes and not style.sparse and rng.randrange(10) < PICKUPS_IN_TEN
        if leads_in and notes[0][0] == 0 and bar.start_beats:
            yield from _pickup(notes[0], pitches, 1 if silent == "z" else rng.choice((1, 2)), rng)
        silent = place if place in ".hz" else ""
        yield from _ornament(notes, style, bar, rng)


@dataclass(frozen=True)
class _Place:
    """The place of a motif: a bar, the pitches that it may use, and its position among them."""

    key: Key
    bar: Line
    pitches: list[int]
    centre: float


def _write_bar(letter: str, motifs: dict[str, Motif], at: _Place) -> Iterator[LeadNote]:
    """Yield a bar of the phrase; `PHRASES` explains its letters."""
    half = at.bar.steps // 2
    if letter == "z":
        yield from _close(motifs["b"], at.key, at.bar, at.pitches, at.centre)
    elif letter == "h":
        for note in _bar(motifs["a"], at.bar, at.pitches, at.centre):
            if note[0] < half:
                yield (*note[:2], min(note[2], (half - note[0]) * STEP_BEATS), *note[3:])
    elif letter == "e":
        yield from (note for note in _bar(motifs["b"], at.bar, at.pitches, at.centre) if note[0] >= half)
    elif letter != ".":
        yield from _bar(motifs[letter], at.bar, at.pitches, at.centre + (3 if letter == "s" else 0))


def _pickup(first: LeadNote, pitches: list[int], count: int, rng: Random) -> Iterator[LeadNote]:
    """Yield a few eighths that lead up or down to a phrase's first note."""
    at = pitches.index(first[3]) if first[3] in pitches else 0
    way = rng.choice((-1, -1, 1))
    for number in range(count, 0, -1):
        pitch = pitches[max(0, min(len(pitches) - 1, at + way * number))]
        yield -2.0 * number, first[1], 2 * STEP_BEATS * 0.9, pitch, first[4] - 14


def _three(rhythms: Sequence[str], rng: Random) -> list[str]:
    return rng.sample(list(rhythms), 3) if len(rhythms) >= 3 else [rng.choice(list(rhythms)) for _ in range(3)]


def _family(a: Motif, b: Motif, rng: Random) -> dict[str, Motif]:
    """Return a motif, its answer, and the forms in which it comes back."""
    inverted = Motif(a.rhythm, tuple(-move for move in a.moves))
    return {"a": a, "b": b, "s": a, "i": inverted, "v": _vary_rhythm(a, rng)}


def _vary_rhythm(motif: Motif, rng: Random) -> Motif:
    """Return the same tones at other times: a long note struck twice, or the line begun later."""
    rhythm = list(motif.rhythm)
    moves = list(motif.moves)
    longest = max(range(len(rhythm)), key=lambda index: rhythm[index][1])
    step, length, accent = rhythm[longest]
    if length >= 4:
        half = length // 2
        rhythm[longest : longest + 1] = [(step, half, accent), (step + half, length - half, max(1, accent - 1))]
        moves.insert(longest, rng.choice((-1, 0, 1)))
    elif len(rhythm) > 2:
        del rhythm[0]
        del moves[0]
    return Motif(tuple(rhythm), tuple(moves))


def _motif(rhythm: str, style: Melody, rng: Random) -> Motif:
    notes = [(step, length, int(character)) for step, length, character in steps(rhythm)]
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
    last = max(4, bar.steps // 8 * 4)  # the beat in the middle of the bar, on which it comes to rest
    start = [note for note in _bar(motif, bar, pitches, centre) if note[0] < last]
    for note in start[:-1] if len(start) > 2 else start[:1]:
        yield (*note[:2], min(note[2], (last - note[0]) * STEP_BEATS * 0.95), *note[3:])
    goal = _resting(key, bar.harmony, pitches, start[-1][3] if start else centre)
    held = max(2, min(6, bar.steps - last - REST_STEPS)) if bar.role != "solo" else 3
    yield last, bar.start_beats, held * STEP_BEATS, goal, 92


def _ornament(notes: Sequence[LeadNote], style: Melody, bar: Line, rng: Random) -> Iterator[LeadNote]:
    """Note as they are played, some with a slide from a semitone below where the style has it."""
    for step, start, length, pitch, velocity in notes:
        played = max(1, min(127, round((velocity + rng.randint(-5, 5)) * bar.dynamic)))
        if style.chromatic and step >= 1 and rng.random() < style.chromatic:
            yield step - 0.5, start, STEP_BEATS * 0.45, pitch - 1, max(1, played - 24)
        yield step, start, length, pitch, played


def _resting(key: Key, harmony: Chord, pitches: list[int], near: float, note: int = 0) -> int:
    """Return a tone to rest on: the tonic if the chord has it, else its root; or another note of its triad."""
    goal = key.tonic if key.tonic in harmony.pitch_classes else harmony.root
    if 0 < note < len(harmony.pitch_classes):
        goal = harmony.pitch_classes[note]
    return nearest([pitch for pitch in pitches if pitch % 12 == goal], near)
