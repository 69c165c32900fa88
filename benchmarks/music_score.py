"""What can be told of a piece from its notes: key, likeness to others, sections, rests, ranges.

Notes are put back on the grid of sixteenths, swing and humanisation removed, and moved to one key: a bar is then a set
of events, each a part (a drum) with a step and a pitch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from devserver.nodes.music.drumming import FIRST_DRUM
from devserver.nodes.music.song import Note, Part, Section, Song
from devserver.nodes.music.theory import SCALES

STEP_BEATS = 0.25
Event = tuple[str, int, int]  # part, step in its bar, pitch class above the tonic (of a drum: its pitch)
Bar = frozenset[Event]
REST_BEATS = 0.45  # a gap so long is heard as a rest: an eighth, and a player's few milliseconds
PITCHED: tuple[Part, ...] = ("bass", "chords", "lead")
LOWEST_PITCHES: dict[Part, int] = {"bass": 21, "chords": 36, "lead": 48}
HIGHEST_PITCHES: dict[Part, int] = {"bass": 64, "chords": 91, "lead": 100}


@dataclass(frozen=True)
class Placed:
    """A note with its bar and the step in it; the pitch is that above the tonic, of a drum its own."""

    part: Part
    bar: int
    step: int
    note: Note


def placed(song: Song) -> list[Placed]:
    """The notes at their places on the grid. Effects (risers, impacts) are no notes."""
    found = []
    steps = round(song.beats_per_bar / STEP_BEATS)
    places = [(step * STEP_BEATS + _delay(song, step), step) for step in range(steps)]
    for track in song.tracks:
        for note in track.notes:
            if track.part == "drums" and note.pitch < FIRST_DRUM:
                continue
            bar, inside = divmod(note.start_beats, song.beats_per_bar)
            _, step = min([*places, (song.beats_per_bar, steps)], key=lambda place: abs(place[0] - inside))
            found.append(Placed(track.part, int(bar) + step // steps, step % steps, note))
    return found


def _delay(song: Song, step: int) -> float:
    """How late the swing plays a step, in beats."""
    unit = round(song.swing_unit_beats / STEP_BEATS)
    inside = step % (2 * unit)
    share = inside / unit if inside <= unit else 2 - inside / unit
    return song.swing_delay_beats * share


def bars(song: Song) -> list[Bar]:
    """Each bar's events, drums by themselves and the rest by pitch class above the tonic."""
    made: list[set[Event]] = [set() for _ in song.chords]
    for found in placed(song):
        if found.bar < len(made):
            is_drum = found.part == "drums"
            pitch = found.note.pitch if is_drum else (found.note.pitch - song.key.tonic) % 12
            made[found.bar].add((found.part, found.step, pitch))
    return [frozenset(events) for events in made]


def alike(one: Sequence[Bar], other: Sequence[Bar]) -> float:
    """How much of the median bar is also in the other piece's bar that is likest to it (0 to 1, Dice's measure)."""
    heard = [bar for bar in one if bar]
    return median(max((_dice(bar, match) for match in other), default=0.0) for bar in heard) if heard else 0.0


def rhythms(piece: Sequence[Bar]) -> list[Bar]:
    """The bars with the pitches taken away; drums keep their names, as those are their pitches."""
    return [
        frozenset((part, step, pitch if part == "drums" else 0) for part, step, pitch in events) for events in piece
    ]


def _dice(one: Bar, other: Bar) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


@dataclass(frozen=True)
class ScoreFacts:
    """Shares run from 0 to 1. None where a piece has too little to tell."""

    in_key: float  # of the notes' time, in the key's scale (in minor also its raised seventh degree)
    ends_on_tonic: bool
    lead_rests: float | None  # share of the time in sections with a lead in which it is silent
    lead_longest_beats: float  # the longest stretch without a rest
    bass_commonest: float | None  # share of the commonest pitch class in the bass's notes
    out_of_range: int  # notes
    fills: tuple[int, int]  # different last bars of sections of the drums, and such bars in all


def facts(song: Song) -> ScoreFacts:
    notes = placed(song)
    piece = bars(song)
    ends = next((float(s.start_bar) * song.beats_per_bar for s in song.sections if s.name == "ending"), 1e9)
    sung = [note for note in _of(song, "lead") if note.start_beats < ends - 0.1]  # the ringing last note is no line
    lead = sorted({(note.start_beats, note.start_beats + note.duration_beats) for note in sung})
    bass = [found for found in notes if found.part == "bass"]
    common = Counter(found.note.pitch % 12 for found in bass)
    return ScoreFacts(
        in_key=_in_key(song),
        ends_on_tonic=_ends_on_tonic(song),
        lead_rests=_rests(song, lead),
        lead_longest_beats=_longest(lead),
        bass_commonest=max(common.values()) / len(bass) if len(bass) >= 8 else None,
        out_of_range=sum(
            not LOWEST_PITCHES[found.part] <= found.note.pitch <= HIGHEST_PITCHES[found.part]
            for found in notes
            if found.part != "drums"
        ),
        fills=_fills(song, piece),
    )


def _of(song: Song, part: Part) -> Iterator[Note]:
    for track in song.tracks:
        if track.part == part:
            yield from track.notes


def _in_key(song: Song) -> float:
    scale = {(song.key.tonic + degree) % 12 for degree in SCALES[song.key.mode]}
    if song.key.mode == "minor":  # the sixth and the seventh are raised in melodic minor
        scale |= {(song.key.tonic + degree) % 12 for degree in (9, 11)}
    heard = [note for part in PITCHED for note in _of(song, part)]
    total = sum(note.duration_beats for note in heard)
    return sum(note.duration_beats for note in heard if note.pitch % 12 in scale) / total if total else 1.0


def _ends_on_tonic(song: Song) -> bool:
    """Whether the last bass note, or without a bass the lowest note of the end, is the tonic."""
    last = max((note.start_beats for part in PITCHED for note in _of(song, part)), default=0.0)
    for part in PITCHED:
        ending = [note for note in _of(song, part) if note.start_beats > last - song.beats_per_bar * 0.9]
        if ending:
            final = max(n.start_beats for n in ending)
            return min(n.pitch for n in ending if n.start_beats > final - 0.1) % 12 == song.key.tonic
    return True


def _rests(song: Song, lead: Sequence[tuple[float, float]]) -> float | None:
    sections = [section for section in song.sections if "lead" in section.parts and section.name != "ending"]
    total = sum(section.bars for section in sections) * song.beats_per_bar
    if not lead or total < 16:
        return None
    sounding = sum(end - start for start, end in _stretches(lead, 0.0))
    return max(0.0, 1 - sounding / total)


def _longest(lead: Sequence[tuple[float, float]]) -> float:
    return max((end - start for start, end in _stretches(lead, REST_BEATS)), default=0.0)


def _stretches(notes: Sequence[tuple[float, float]], gap_beats: float) -> Iterator[tuple[float, float]]:
    """Times from a first note to the last before a longer gap."""
    start = end = None
    for first, last in notes:
        if start is None or end is None:
            start, end = first, last
        elif first - end >= max(gap_beats, 1e-6):
            yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if start is not None and end is not None:
        yield start, end


def _fills(song: Song, piece: Sequence[Bar]) -> tuple[int, int]:
    played = [
        frozenset(event for event in piece[section.start_bar + section.bars - 1] if event[0] == "drums")
        for section in song.sections
        if section.bars >= 2 and "drums" in section.parts and section.name not in {"ending", "build"}
    ]
    return len(set(played)), len(played)


@dataclass(frozen=True)
class Side:
    """A section as it is compared with its neighbour."""

    section: Section
    stems: frozenset[str]
    density: float  # onsets a beat


def sides(song: Song) -> list[Side]:
    notes = placed(song)
    made = []
    for section in song.sections:
        if section.name == "ending":
            continue
        own = [n for n in notes if section.start_bar <= n.bar < section.start_bar + section.bars]
        onsets = len({(n.part, n.bar, n.step, n.note.pitch if n.part == "drums" else 0) for n in own})
        stems = frozenset(str(n.part) for n in own)
        made.append(Side(section, stems, onsets / (section.bars * song.beats_per_bar)))
    return made


def differ(one: Side, other: Side) -> bool:
    """Whether two sections have other stems, or one a fifth more onsets to the beat."""
    low, high = sorted((one.density, other.density))
    return one.stems != other.stems or high > 1.2 * low
