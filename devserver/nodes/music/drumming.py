"""The drum part: a groove with its variations, fills before a section changes, and what leads into the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from .genre import Genre, Groove, Lanes
from .patterns import own_fill, own_groove, set_pace, with_tops
from .score import STEP_BEATS, STEPS_PER_BEAT, Bar, Score, steps
from .song import Note

# General MIDI's percussion map; what lies below 35 is no drum but an effect, and lasts as long as its note
DRUM_PITCHES = {
    "riser": 27,
    "impact": 28,
    "swell": 29,
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
    "bongo_high": 60,
    "bongo_low": 61,
    "shaker": 70,
}
FIRST_DRUM = 35
ARRIVALS = {"chorus", "drop"}
ROLL_STEPS = (4, 4, 2, 1)  # distance of a roll's hits, quarter by quarter of its length
GROWTH = 0.1
# Small changes at a phrase's end: so many steps before the bar's end, a hit of a drum ("." takes one away)
HABITS = (
    (2, "open_hat", "6"),
    (2, "kick", "6"),
    (1, "snare", "4"),
    (5, "kick", "7"),
    (3, "snare", "3"),
    (6, "hat", "."),
    (1, "kick", "5"),
    (7, "open_hat", "5"),
)
SYNCOPATED = (0, 3, 6)
ACCENTS = (6, -5, 1, -4)  # on the beat, after it, on the eighth, after that


def write_drums(score: Score) -> Iterator[Note]:
    rng = score.random("drums")
    groove, other = (own_groove(score.genre, rng) for _ in range(2))
    grooves = {"chorus": with_tops(groove, other), "drop": with_tops(groove, other)}
    habits = rng.sample(range(len(HABITS)), 2)  # which small changes this drummer makes at a phrase's end
    fills = [own_fill(score.genre.fills, rng, score.genre.beats_per_bar * STEPS_PER_BEAT) for _ in range(4)]
    for bar in score.bars:
        if "drums" not in bar.section.parts:
            yield from _leading_in(score, bar)
            continue
        if bar.section.name == "ending":
            yield from (_hit(bar, 0, name, 105) for name in _last_hit(score.genre, groove))
            continue
        yield from _arrival(score, bar)
        yield from _leading_in(score, bar)
        if bar.section.name == "build" and score.genre.builds == "rolls":
            yield from _roll(score, bar, groove, rng)
        else:
            habit = habits[bar.in_section // 4 % 2]
            yield from _groove(score, bar, grooves.get(bar.section.name, groove), habit, fills, rng)


def _hit(bar: Bar, step: float, name: str, velocity: float, length_beats: float = STEP_BEATS) -> Note:
    return Note(bar.start_beats + step * STEP_BEATS, length_beats, DRUM_PITCHES[name], round(velocity))


def _lanes(groove: Groove, energy: float) -> dict[str, str]:
    lanes: dict[str, str] = {}
    for level, more in groove:
        if level <= energy:
            lanes.update(more)
    return lanes


def _arrival(score: Score, bar: Bar) -> Iterator[Note]:
    """Yield a cymbal on a section's first beat; after eight bars of a drop another."""
    if bar.in_section % 8 or not score.genre.crash:
        return
    if bar.section.energy >= 0.6 and bar.section.name != "build" and bar.in_section in {0, 8}:
        yield _hit(bar, 0, "crash", 106 if bar.section.name in ARRIVALS else 92, 2.0)
    if bar.section.name == "drop" and bar.in_section == 0 and bar.index:
        yield _hit(bar, 0, "impact", 104, 4.0)


def _leading_in(score: Score, bar: Bar) -> Iterator[Note]:
    """Yield a rising noise over a build, a swelling cymbal in the last bar before any other arrival."""
    following = score.following(bar)
    if score.genre.builds == "none" or following is None or "drums" in score.brief.muted:
        return
    if bar.section.name == "build" and score.genre.builds == "rolls":
        if bar.left_in_section == min(4, bar.section.bars) - 1:
            yield _hit(bar, 0, "riser", 96, (bar.left_in_section + 1) * bar.beats)
    elif bar.ends_section and following.energy >= bar.section.energy + 0.12:
        yield _hit(bar, score.steps_per_bar / 2, "swell", 88, bar.beats / 2)


def _roll(score: Score, bar: Bar, groove: Groove, rng: Random) -> Iterator[Note]:
    """Yield a snare roll that doubles its pace until the section ends; the kick leaves before the last bar."""
    total = bar.section.bars * score.steps_per_bar
    syncopated = score.random("roll").random() < 0.4  # three, three, two, until the last quarter
    drum = "clap" if "clap" in _lanes(groove, 1.0) and "snare" not in _lanes(groove, 1.0) else "snare"
    for step in range(score.steps_per_bar):
        place = bar.in_section * score.steps_per_bar + step
        distance = ROLL_STEPS[min(3, place * 4 // total)]
        struck = step % 8 in SYNCOPATED[: 3 if place * 2 > total else 2] if syncopated else place % distance == 0
        if struck or (distance == 1 and place % distance == 0):
            yield _hit(bar, step, drum, 46 + 66 * place / total + rng.randint(-4, 4))
        if step % 4 == 0 and (bar.left_in_section or bar.section.bars == 1):
            yield _hit(bar, step, "kick", 112 + rng.randint(-4, 4))


def _groove(  # noqa: PLR0917 - a bar, what is played in it, and by chance
    score: Score, bar: Bar, groove: Groove, habit: int, fills: Sequence[Lanes], rng: Random
) -> Iterator[Note]:
    # A long section is no loop: its second half is a little busier.
    grown = GROWTH if bar.section.bars >= 6 and bar.in_section * 2 >= bar.section.bars else 0.0
    lanes = set_pace(_lanes(groove, score.liveliness(bar.section) + grown), score.genre.pulse)
    fill = _fill(score, bar, fills, rng)
    if not fill and bar.in_section % 4 == 3:
        lanes = _vary(lanes, habit, score.steps_per_bar)
    scale = score.dynamic(bar)
    for name in sorted({*lanes, *fill}):
        played = list(score.steps(lanes[name], bar.in_section)) if name in lanes else []
        if name in fill:
            filled = list(steps(score.fitted(fill[name], 0)))
            played = [hit for hit in played if not filled or hit[0] < filled[0][0]] + filled
        for step, _, digit in played:
            velocity = (int(digit) * 13 + 6) * scale + ACCENTS[step % 4] + rng.randint(-4, 4)
            yield _humanize(score, bar, _hit(bar, step, name, velocity), rng)
            if name == "hat" and score.genre.ratchets and rng.random() < score.genre.ratchets * bar.section.energy:
                times = rng.choice((2, 2, 3))
                for part in range(1, times):
                    yield _hit(bar, step + part / times, name, velocity * (0.75 + 0.08 * part))
    if score.genre.ghosts and "snare" in lanes and not fill:
        yield from _ghosts(score, bar, lanes, rng)


def _fill(score: Score, bar: Bar, fills: Sequence[Lanes], rng: Random) -> Lanes:
    """Write the fill at the end of a section, and now and then at a phrase's."""
    if bar.section.energy < 0.4:
        return {}
    changes = bar.ends_section and score.following(bar) is not None
    if changes or bar.in_section % 8 == 7 or (bar.in_section % 4 == 3 and rng.random() < 0.3):
        return rng.choice(list(fills))
    return {}


def _ghosts(score: Score, bar: Bar, lanes: Lanes, rng: Random) -> Iterator[Note]:
    """Faint hits of the snare where neither it nor the kick is heard."""
    heard = [lanes[name] for name in ("snare", "kick") if name in lanes]
    taken = {step for line in heard for step, _, _ in score.steps(line, bar.in_section)}
    for step in range(1, score.steps_per_bar, 2):
        if step not in taken and rng.random() < score.genre.ghosts:
            yield _humanize(score, bar, _hit(bar, step, "snare", rng.randint(22, 38)), rng)


def _humanize(score: Score, bar: Bar, note: Note, rng: Random) -> Note:
    """Return a hit as a drummer's hand plays it: not quite on the grid."""
    at_beats = score.played(rng, "drums", bar.start_beats, (note.start_beats - bar.start_beats) / STEP_BEATS)
    return note._replace(start_beats=at_beats, velocity=min(127, max(1, note.velocity)))


def _vary(lanes: dict[str, str], habit: int, length: int) -> dict[str, str]:
    """Return the groove with one small change towards the end of its bar."""
    changed = dict(lanes)
    back, name, digit = HABITS[habit]
    place = length - back
    near = {"open_hat": "hat"}.get(name, name)
    if near in lanes:
        line = lanes.get(name, "." * len(lanes[near]))
        bars = [line[start : start + length].ljust(length, ".") for start in range(0, len(line), length)]
        bars = [bar[:place] + digit + bar[place + 1 :] for bar in bars]
        changed[name] = "".join(bars)
    return changed


def _last_hit(genre: Genre, groove: Groove) -> tuple[str, ...]:
    played = _lanes(groove, 0.6)
    return tuple(name for name in ("kick", "crash") if name in played or (name == "crash" and genre.crash))
