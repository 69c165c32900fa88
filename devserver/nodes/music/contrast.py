"""Sees to it that neighbouring sections are not played alike: the calmer of two loses what is not needed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

from .drumming import FIRST_DRUM
from .patterns import TOP_PITCHES
from .score import STEP_BEATS, Score
from .song import Note, Section, Track

DENSER = 1.22  # one of two neighbours has so many times the onsets of the other
EARLY_BEATS = 0.1  # a note so shortly before a section belongs to it

Cut = Callable[[Track, Note], bool]


def add_contrast(score: Score, tracks: Sequence[Track]) -> list[Track]:
    """Return the tracks; of two sections with the same parts and nearly the same density the calmer is thinned."""
    sections = [section for section in score.sections() if section.name != "ending"]
    played = [_Played(score, tracks, section) for section in sections]
    for _ in range(2):
        for one, other in pairwise(played):
            for cut in CUTS:
                if _differ(one, other):
                    break
                (one if one.section.energy <= other.section.energy else other).thin(cut)
    gone = [played_by.gone for played_by in played]
    return [
        _remove_notes(track, {at for starts in gone for at in starts[number]}) for number, track in enumerate(tracks)
    ]


def _remove_notes(track: Track, gone: set[int]) -> Track:
    if not gone:
        return track
    return track.model_copy(update={"notes": tuple(note for at, note in enumerate(track.notes) if at not in gone)})


class _Played:
    """A section with the notes that are played in it, less those that are gone (by track, their places in it)."""

    def __init__(self, score: Score, tracks: Sequence[Track], section: Section) -> None:
        self.section = section
        self.tracks = tracks
        start = section.start_bar * score.beats_per_bar - EARLY_BEATS
        self._spans = [
            (
                bisect_left(track.notes, start, key=_start),
                bisect_left(track.notes, start + section.bars * score.beats_per_bar, key=_start),
            )
            for track in tracks
        ]
        self.gone: list[set[int]] = [set() for _ in tracks]
        self._count()

    def thin(self, cut: Cut) -> None:
        for number, (track, (first, last)) in enumerate(zip(self.tracks, self._spans, strict=True)):
            self.gone[number] |= {at for at in range(first, last) if cut(track, track.notes[at])}
        self._count()

    def _count(self) -> None:
        """The parts that sound, and the onsets and notes to the bar."""
        notes = [
            (track.part, round(note.start_beats / STEP_BEATS), note.pitch if track.part == "drums" else 0)
            for track, (first, last), gone in zip(self.tracks, self._spans, self.gone, strict=True)
            for at, note in enumerate(track.notes[first:last], first)
            if at not in gone and (track.part != "drums" or note.pitch >= FIRST_DRUM)
        ]
        self.parts = {part for part, _, _ in notes}
        self.densities = (len(set(notes)) / self.section.bars, len(notes) / self.section.bars)


def _start(note: Note) -> float:
    return note.start_beats


def _differ(one: _Played, other: _Played) -> bool:
    """Tell whether other parts play, or one has clearly more onsets to the bar, and also more notes."""
    densities = zip(one.densities, other.densities, strict=True)
    return one.parts != other.parts or all(max(pair) > DENSER * min(pair) for pair in densities)


def _is_layer(track: Track, _: Note) -> bool:
    return track.gain_db < 0 and track.part != "drums"


def _is_small_top(track: Track, note: Note) -> bool:
    step = round(note.start_beats / STEP_BEATS)
    return track.part == "drums" and note.pitch in TOP_PITCHES and step % 2 == 1


def _is_offbeat_top(track: Track, note: Note) -> bool:
    step = round(note.start_beats / STEP_BEATS)
    return track.part == "drums" and note.pitch in TOP_PITCHES and step % 4 == 2


def _is_weak(track: Track, note: Note) -> bool:
    return track.part == "drums" and note.pitch >= FIRST_DRUM and note.velocity < 62


CUTS: tuple[Cut, ...] = (_is_layer, _is_small_top, _is_weak, _is_offbeat_top)
