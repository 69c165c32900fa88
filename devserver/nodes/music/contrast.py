"""Sees to it that neighbouring sections are not played alike: the calmer of two loses what is not needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from .drumming import FIRST_DRUM
from .patterns import TOP_PITCHES
from .score import STEP_BEATS, Score
from .song import Note, Part, Section, Track

DENSER = 1.22  # one of two neighbours has so many times the onsets of the other
EARLY_BEATS = 0.1  # a note so shortly before a section belongs to it

Cut = Callable[[Track, Note], bool]


def contrasted(score: Score, tracks: Sequence[Track]) -> list[Track]:
    """The tracks; where two sections have the same parts and nearly the same density, the calmer one is thinned."""
    made = list(tracks)
    sections = [section for section in score.sections() if section.name != "ending"]
    for _ in range(2):
        for one, other in pairwise(sections):
            for cut in CUTS:
                if _differ(score, made, one, other):
                    break
                calmer = one if one.energy <= other.energy else other
                made = [_thinned(score, track, calmer, cut) for track in made]
    return made


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


def _span(score: Score, section: Section) -> tuple[float, float]:
    start = section.start_bar * score.beats_per_bar
    return start - EARLY_BEATS, start + section.bars * score.beats_per_bar - EARLY_BEATS


def _thinned(score: Score, track: Track, section: Section, cut: Cut) -> Track:
    start, end = _span(score, section)
    kept = tuple(note for note in track.notes if not (start <= note.start_beats < end and cut(track, note)))
    return track if len(kept) == len(track.notes) else track.model_copy(update={"notes": kept})


def _differ(score: Score, tracks: Sequence[Track], one: Section, other: Section) -> bool:
    """Whether other parts play, or one has clearly more onsets to the bar, and also more notes."""
    heard = [_heard(score, tracks, section) for section in (one, other)]
    densities = zip(*(densities for _, densities in heard), strict=True)
    return heard[0][0] != heard[1][0] or all(max(pair) > DENSER * min(pair) for pair in densities)


def _heard(score: Score, tracks: Sequence[Track], section: Section) -> tuple[set[Part], tuple[float, float]]:
    """The parts that sound in a section, and its onsets and notes to the bar."""
    start, end = _span(score, section)
    notes = [
        (track.part, round(note.start_beats / STEP_BEATS), note.pitch if track.part == "drums" else 0)
        for track in tracks
        for note in track.notes
        if start <= note.start_beats < end and (track.part != "drums" or note.pitch >= FIRST_DRUM)
    ]
    return {part for part, _, _ in notes}, (len(set(notes)) / section.bars, len(notes) / section.bars)
