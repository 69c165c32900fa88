"""Bass, chords, and the further voices of a genre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from .genre import Layer
from .patterns import Phrase, own_arpeggio, own_phrase
from .score import STEP_BEATS, Bar, Score
from .song import Note
from .theory import Chord, nearest, scale_pitches, voice_lead

STRUM_SECONDS = 0.016
BLOOM_STEPS = (0, 0, 0, 2, 4, 4, 6, 8)
ENDINGS = ((0,), (0,), (0, 2), (0, 3), (2,), (0, 4), (0, 2, 4), (4,))  # when the last chord is struck
PICKED, PICKED_ENERGY = "6.5.5.4.6.5.5.4.", 0.45
WITHOUT_DRUMS = 0.25
WALKING_ENERGY = 0.5
ORDERS = ((0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 3, 2, 1), (0, 2, 1, 3, 1, 2))


def write_bass(score: Score) -> Iterator[Note]:
    """Lines from the genre's patterns, or a walk from root to root; every fourth bar leads into the next."""
    rng = score.random("bass")
    turn = rng.choice("A58A")
    phrases: dict[str, Phrase] = {}
    before = score.genre.bass_low + 5
    for bar in score.bars:
        low = score.genre.bass_low
        root = low + (bar.harmony.root - low) % 12
        if "bass" not in bar.section.parts:
            continue
        if bar.section.name == "ending":
            yield Note(bar.start_beats, score.end_beats - bar.start_beats, root, 104)
        elif score.genre.walking_bass and bar.section.energy >= WALKING_ENERGY:
            for beat, pitch in enumerate(_walk(score, bar, before, rng)):
                before = pitch
                velocity = (96 + rng.randint(-6, 6) + 6 * (beat % 2)) * score.dynamic(bar)
                yield Note(score.played(rng, "bass", bar.start_beats, beat * 4), 0.92, pitch, round(velocity))
        else:
            # A section that comes again has the line that it had.
            name = "chorus" if bar.section.name == "drop" else bar.section.name
            if name not in phrases:
                phrases[name] = own_phrase(
                    score.genre,
                    score.genre.bass,
                    score.liveliness(bar.section),
                    rng,
                    other_notes=score.genre.other_bass,
                )
            hits = list(score.steps(phrases[name].bar(bar.in_section), bar.in_section))
            if bar.in_section % 4 == 3 and len(hits) > 1 and hits[-1][2] == "R":
                hits[-1] = (hits[-1][0], hits[-1][1], turn)
            for step, length, character in hits:
                velocity = (100 + rng.randint(-6, 6) + (8 if step % 8 == 0 else 0)) * score.dynamic(bar)
                at_beats = score.played(rng, "bass", bar.start_beats, step)
                pitch = _bass_pitch(root, bar, character)
                yield Note(at_beats, length * STEP_BEATS * 0.96, pitch, round(velocity))


def _bass_pitch(root: int, bar: Bar, character: str) -> int:
    if character == "A":  # a semitone below the next root, or a fifth above where it stays
        goal = nearest([bar.following.root + octave for octave in range(24, 72, 12)], root)
        return goal - 1 if bar.following.root != bar.harmony.root else root + 7
    return root + bass_interval(bar.harmony, character)


def bass_interval(harmony: Chord, character: str) -> int:
    by_size = {"R": (0, 0), "8": (12, 12), "3": (3, 4), "5": (6, 7), "7": (9, 11)}
    low, high = by_size[character]
    intervals = (interval for interval in harmony.intervals if low <= interval <= high)
    return next(intervals, {"7": 12, "3": 7}.get(character, high))


def _walk(score: Score, bar: Bar, before: int, rng: Random) -> list[int]:
    """One pitch a beat: the root (or third), scale and chord notes on the way, a semitone beside the next root."""
    low, high = score.genre.bass_low, score.genre.bass_low + 19
    usable = scale_pitches(score.key, bar.harmony, low, high)
    chord_notes = [pitch for pitch in usable if pitch % 12 in bar.harmony.pitch_classes]
    roots = [pitch for pitch in range(low, high + 1) if pitch % 12 == bar.harmony.root]
    walk = [nearest(roots, before)]
    goal = nearest([pitch for pitch in range(low, high + 1) if pitch % 12 == bar.following.root], walk[0])
    upwards = goal > walk[0] or (goal == walk[0] and walk[0] < low + 9)
    while len(walk) < bar.beats - 1:
        pool = chord_notes if rng.random() < 0.55 else usable
        onward = [pitch for pitch in pool if (pitch > walk[-1]) == upwards and 0 < abs(pitch - walk[-1]) <= 5]
        walk.append(nearest(onward or [pitch for pitch in pool if pitch != walk[-1]], walk[-1]))
        if walk[-1] in {usable[0], usable[-1]}:
            upwards = not upwards
    beside = [pitch for pitch in usable if 0 < abs(pitch - goal) <= 2]
    return [*walk, rng.choice(beside) if beside and rng.random() < 0.6 else goal + rng.choice((-1, 1))]


def write_chords(score: Score) -> Iterator[Note]:
    rng = score.random("chords")
    genre = score.genre
    centre = genre.chord_centre + score.register + rng.randint(-3, 3)
    order = rng.choice(ORDERS)
    alone = WITHOUT_DRUMS if "drums" in score.brief.muted else 0.0  # somebody must keep the time
    voices = max(3, genre.chord_voices + rng.choice((-1, 0, 0, 1)))
    ending = rng.choice(ENDINGS)
    blooms, picks = rng.random() < 0.3, rng.random() < 0.5
    voicing: list[int] = []
    phrases: dict[str, Phrase] = {}
    for bar in score.bars:
        voicing = voice_lead(bar.harmony, voicing, centre, voices, genre.voicing)
        if "chords" not in bar.section.parts:
            continue
        name = "chorus" if bar.section.name == "drop" else bar.section.name
        if name not in phrases:
            phrases[name] = own_phrase(genre, genre.comping, score.liveliness(bar.section) + alone, rng)
        line = phrases[name].bar(bar.in_section)
        style = genre.chord_style
        if bar.section.name == "ending":
            ring = (score.end_beats - bar.start_beats) / STEP_BEATS
            hits = [*((step, 1.5, "7") for step in ending[:-1]), (ending[-1], ring - ending[-1], "7")]
            style = "block" if style == "arpeggio" else style
            yield from _struck(score, bar, hits, voicing, style="bloom" if blooms else style, rng=rng)
        elif style == "strum" and picks and score.liveliness(bar.section) < PICKED_ENERGY:
            yield from _arpeggio(score, bar, PICKED, [voicing[place % len(voicing)] for place in order], rng)
        elif style == "arpeggio":
            yield from _arpeggio(score, bar, line, [voicing[place % len(voicing)] for place in order], rng)
        else:
            hits = [(step, float(length), digit) for step, length, digit in score.steps(line, bar.in_section)]
            yield from _struck(score, bar, hits, voicing, style=style, rng=rng)


def _struck(
    score: Score, bar: Bar, hits: Sequence[tuple[int, float, str]], voicing: Sequence[int], *, style: str, rng: Random
) -> Iterator[Note]:
    # A piece blooms in its own way: drawn by the seed alone, so that every bar does the same.
    entries = [0, *score.random("bloom").sample(BLOOM_STEPS, len(voicing) - 1)] if style == "bloom" else []
    for number, (step, length, digit) in enumerate(hits):
        at_beats = score.played(rng, "chords", bar.start_beats, step)
        upstroke = style == "strum" and step % 4 != 0 and number % 2 == 1
        for index, pitch in enumerate(reversed(voicing) if upstroke else voicing):
            spread = STRUM_SECONDS * (4 if bar.section.name == "ending" else 1)  # the last chord is rolled
            late = index * spread * score.brief.bpm / 60 if style == "strum" else 0.0
            late = entries[index] * STEP_BEATS if entries and entries[index] < length - 2 else late
            top = 5 if pitch == max(voicing) else 0  # the top note is what is heard as the line
            velocity = (int(digit) * 10 + 18 + top + rng.randint(-5, 5)) * score.dynamic(bar)
            held = (length * STEP_BEATS - (late if entries else 0.0)) * 0.97 * score.genre.note_length
            yield Note(at_beats + late, held, pitch, max(1, round(velocity)))


def _arpeggio(score: Score, bar: Bar, line: str, pitches: Sequence[int], rng: Random) -> Iterator[Note]:
    for number, (step, length, digit) in enumerate(score.steps(line, bar.in_section)):
        at_beats = score.played(rng, "chords", bar.start_beats, step)
        velocity = (int(digit) * 10 + 22 + rng.randint(-5, 5)) * score.dynamic(bar)
        pitch = pitches[number % len(pitches)]
        held = length * STEP_BEATS * 0.95 * score.genre.note_length
        yield Note(at_beats, held, pitch, max(1, round(velocity)))


def write_layer(score: Score, layer: Layer, number: int, lead: Sequence[Note]) -> Iterator[Note]:
    """Yield a further voice: chords or broken chords by its own pattern, or the lead in another octave."""
    rng = score.random(f"layer {number}")
    loud = [bar for bar in score.bars if bar.section.energy >= layer.min_energy and layer.part in bar.section.parts]
    if not layer.pattern:
        spans = [(bar.start_beats, bar.end_beats) for bar in loud]
        for note in lead:
            if any(start <= note.start_beats + STEP_BEATS / 2 < end for start, end in spans):
                yield note._replace(pitch=min(127, max(0, note.pitch + 12 * layer.octave)))
        return
    order = rng.choice(ORDERS)
    pattern = own_arpeggio(layer.pattern, rng) if layer.style == "arpeggio" else layer.pattern
    centre = score.genre.chord_centre + score.register + 12 * layer.octave
    voicing: list[int] = []
    for bar in loud:
        voicing = voice_lead(bar.harmony, voicing, centre, layer.voices)
        if bar.section.name == "ending":
            continue
        if layer.style == "arpeggio":
            yield from _arpeggio(score, bar, pattern, [voicing[place % len(voicing)] for place in order], rng)
        else:
            hits = [(step, float(length), digit) for step, length, digit in score.steps(pattern, bar.in_section)]
            yield from _struck(score, bar, hits, voicing, style=layer.style, rng=rng)
