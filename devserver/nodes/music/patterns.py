"""A piece's own patterns: the genre's lines recombined and changed a little, so that no two pieces play the same ones.

Lines are those of ``genre.py``. What carries the genre stays: the beat's first step, backbeats, four to the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd
from random import Random

from .genre import Genre, Groove, Lanes
from .score import choose_pattern, steps

Lines = tuple[tuple[float, str], ...]

BEAT_DRUMS = frozenset({"kick", "snare", "clap"})
TOP_DRUMS = frozenset({"hat", "open_hat", "ride", "shaker", "crash"})
TOP_PITCHES = frozenset({42, 46, 51, 70})  # of hats, ride and shaker in General MIDI
FAINT = 4  # a lane no louder is an ornament
BACKBEAT = 7  # a rim or tom so loud belongs to the beat
FOUR_TO_THE_FLOOR = ("9...9...9...9...", "8...8...8...8...")
ORDERS = ("0001", "0101", "0011", "0010")
# Ways to keep time, by how many sixteenths lie between their hits
TOPS: dict[int, tuple[str, ...]] = {
    1: (
        "5343534353435343",
        "5.345.345.345.34",
        "53.453.453.453.4",
        "5..45..45..45..4",
        "4.5.4.534.5.4.53",
        "534.5.4.534.5.4.",
    ),
    2: (
        "5.4.5.4.5.4.5.4.",
        "..6...6...6...6.",
        "5...5.4.5...5.4.",
        "6.4.4.6.4.4.6.4.",
        "5.4...5.5.4...4.",
        "4.4.6.4.4.4.6.4.",
    ),
}


def own_groove(genre: Genre, rng: Random) -> Groove:
    """Return the beat of one groove under the cymbals of a second and the colours of a third, each changed a little."""
    loose = genre.loose
    beat, tops, colours = (rng.choice(genre.grooves) for _ in range(3))
    lengths = {len(line) for _, lanes in beat for line in lanes.values()}
    grid = 12 if all(length % 12 == 0 for length in lengths) else 16
    backbeat = _backbeat(beat)
    carrying = {name for _, lanes in beat for name, line in lanes.items() if _carries(name, line)}
    made: list[tuple[float, dict[str, str]]] = []
    for level, lanes in beat:
        made.append(
            (level, {n: _beat_line(n, line, backbeat, rng, loose) for n, line in lanes.items() if n in carrying})
        )
    for level, lanes in tops:
        own = {n: line for n, line in lanes.items() if n in TOP_DRUMS - carrying}
        changed = {n: _top_line(line, rng, swap=genre.own_time and grid == 16) for n, line in own.items()}
        if genre.rides and "ride" in changed:
            changed["ride"] = rng.choice(genre.rides) + rng.choice(genre.rides)
        made.append((level, changed))
    for level, lanes in colours:
        own = {n: line for n, line in lanes.items() if n not in TOP_DRUMS | BEAT_DRUMS | carrying}
        made.append((level, {n: _colour_line(line, rng) for n, line in own.items()}))
    made = [(level, lanes) for level, lanes in made if lanes]
    return tuple(sorted(made, key=lambda layer: layer[0]))


def with_tops(groove: Groove, other: Groove) -> Groove:
    """Return a groove with the cymbals of another."""
    kept = [(level, {n: line for n, line in lanes.items() if n not in TOP_DRUMS}) for level, lanes in groove]
    tops = [(level, {n: line for n, line in lanes.items() if n in TOP_DRUMS}) for level, lanes in other]
    layers = sorted([*kept, *tops], key=lambda layer: layer[0])
    return tuple((level, lanes) for level, lanes in layers if lanes)


def set_pace(lanes: Lanes, pulse: str) -> dict[str, str]:
    """Return the lanes with the beat at half or at double pace, or with a kick on every beat."""
    if pulse == "floor":
        return {**lanes, "kick": FOUR_TO_THE_FLOOR[0]}
    if pulse == "half":
        return {n: "".join(c + "." for c in line) if n in BEAT_DRUMS else line for n, line in lanes.items()}
    if pulse == "double":
        return {n: line[::2] * 2 if n in BEAT_DRUMS else line for n, line in lanes.items()}
    return dict(lanes)


def _carries(name: str, line: str) -> bool:
    return name in BEAT_DRUMS or (name not in TOP_DRUMS and any(c.isdigit() and int(c) >= BACKBEAT for c in line))


def _backbeat(groove: Groove) -> set[int]:
    """Return the steps of the bar's loud snares and claps."""
    lines = [line for _, lanes in groove for name, line in lanes.items() if name in {"snare", "clap", "rim"}]
    return {step % 16 for line in lines for step, _, digit in steps(line) if int(digit) >= BACKBEAT}


def _beat_line(name: str, line: str, backbeat: set[int], rng: Random, loose: float) -> str:
    if line in FOUR_TO_THE_FLOOR:
        return line
    hits = {step: digit for step, _, digit in steps(line)}
    if max(map(int, hits.values()), default=9) <= FAINT:  # feathered, or comped with the left hand: never the same
        return _line({step: digit for step, digit in hits.items() if rng.random() < 0.7}, len(line))
    least = 9 if name == "kick" else BACKBEAT
    for step, digit in sorted(hits.items()):
        if int(digit) >= least or step % 16 in backbeat or rng.random() > loose:
            continue
        place = (step + rng.choice((-2, -1, 1, 2, 3))) % len(line)
        if place not in hits and place % 16 not in backbeat | {0}:
            hits[place] = hits.pop(step)
    if name == "kick" and len(line) % 16 == 0:
        for bar in range(0, len(line), 16):
            step = bar + rng.choice((3, 6, 7, 10, 11, 14))
            if step not in hits and step % 16 not in backbeat and rng.random() < 0.6 * loose:
                hits[step] = "6"
    return _line(hits, len(line))


def _top_line(line: str, rng: Random, *, swap: bool) -> str:
    hits = {step: digit for step, _, digit in steps(line)}
    dense = len(hits) * 2 > len(line) * 0.9
    if swap and len(hits) >= len(line) // 4 and rng.random() < 0.7:
        return rng.choice(TOPS[1 if dense else 2])
    for step, digit in sorted(hits.items()):
        if step % 4 and int(digit) <= 4 and rng.random() < 0.2:
            del hits[step]
    return _line(hits, len(line))


def _colour_line(line: str, rng: Random) -> str:
    turn = rng.choice((0, 0, 2, 3, 4, 6, 8)) % len(line)
    turned = line[turn:] + line[:turn]
    hits = {step: digit for step, _, digit in steps(turned) if rng.random() < 0.85}
    return _line(hits or {len(line) // 2 + 2: "4"}, len(line))


def _line(hits: Mapping[int, str], length: int) -> str:
    return "".join(hits.get(step, ".") for step in range(length))


def own_fill(fills: Sequence[Lanes], rng: Random, length: int) -> Lanes:
    """Return a fill of the genre's, or one of the same drums: a run that grows, with gaps of its own, down the toms."""
    model = rng.choice(list(fills))
    drums = list(model) or [name for fill in fills for name in fill]
    if not drums or rng.random() < 0.4:
        return model
    start = length - rng.choice((4, 6, 8)) if length > 8 else length - 4
    hits = [step for step in range(start, length) if rng.random() < 0.7 or step % 4 == 0]
    lanes: dict[str, dict[int, str]] = {name: {} for name in drums}
    for number, step in enumerate(hits):
        name = drums[min(len(drums) - 1, number * len(drums) // len(hits))]
        lanes[name][step] = str(min(9, 4 + (step - start) * 5 // max(1, length - start) + rng.randrange(2)))
    return {name: _line(own, length) for name, own in lanes.items() if own}


@dataclass(frozen=True)
class Phrase:
    """A line and its variant, and which of them each bar of four has."""

    lines: tuple[str, str]
    order: str

    def bar(self, number: int) -> str:
        return self.lines[int(self.order[number % 4])]


def own_phrase(genre: Genre, lines: Lines, energy: float, rng: Random, *, other_notes: str = "") -> Phrase:
    """One of the lines for an energy, changed: a hit earlier or later, one more or less, some roots `other_notes`."""
    grain, loose = genre.grain or _grain(lines), genre.loose
    line = _change_line(choose_pattern(lines, energy, rng), rng, grain, loose, other_notes)
    return Phrase((line, _change_line(line, rng, grain, loose, other_notes)), rng.choice(ORDERS))


def _grain(lines: Lines) -> int:
    """Return the steps on which all lines are."""
    return reduce(gcd, (step for _, line in lines for step, _, _ in steps(line)), 0) or 4


def _change_line(line: str, rng: Random, grain: int, loose: float, other_notes: str) -> str:
    hits = list(steps(line))
    starts = {step: (length, character) for step, length, character in hits}
    if len(hits) == 1 and hits[0][1] > 8 and rng.random() < loose:  # struck again
        step, length, character = hits[0]
        again = rng.choice([place for place in (4, 6, 8, 10, 12) if place % grain == 0 and place < length])
        starts |= {step: (again, character), step + again: (length - again, character)}
    for step, length, character in hits[1:]:
        draw = rng.random()
        place = step + rng.choice((-grain, grain))
        if draw < 0.45 * loose and 0 < place < len(line) and place not in starts:
            del starts[step]
            starts[place] = (length, character)
        elif draw < 0.6 * loose and len(starts) > max(2, len(hits) * 2 // 3):
            before = max(place for place in starts if place < step)
            held, what = starts[before]
            if before + held == step:  # the note before is held on
                starts[before] = (held + length, what)
            del starts[step]
        elif draw < 0.8 * loose and length >= 2 * grain and length > 2:
            half = max(grain, length // 2 // grain * grain)
            starts[step] = (half, character)
            starts[step + half] = (length - half, character)
    made = ["."] * len(line)
    order = sorted(starts)
    for step, following in zip(order, [*order[1:], len(line)], strict=True):
        length, character = starts[step]
        if other_notes and character == "R" and step and rng.random() < 0.3:
            character = rng.choice(other_notes)
        held = min(length, following - step)
        made[step : step + held] = [character, *"-" * (held - 1)]
    return "".join(made)


def own_arpeggio(pattern: str, rng: Random) -> str:
    """Return a pattern with about as many hits, spread as evenly as they go and turned."""
    own = len(list(steps(pattern)))
    length = len(pattern)
    count = max(2, min(length, own + rng.choice((-3, -2, 0, 0, 2) if own > 5 else (-1, 0, 1))))
    turn = rng.randrange(0, 4)
    hits = {(number * length // count + turn) % length for number in range(count)}
    loud = {step for step, _, digit in steps(pattern) if int(digit) >= 5}
    return "".join(("5" if step in loud or step % 4 == 0 else "4") if step in hits else "." for step in range(length))
