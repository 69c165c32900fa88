"""Form, metre, returning motifs, and what leads from one section to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from devserver.nodes.music.channel import SWEEP_REACH, sweep_filter
from devserver.nodes.music.composer import compose
from devserver.nodes.music.dsp import SAMPLE_RATE_HZ
from devserver.nodes.music.effects import IMPACT, RISER
from devserver.nodes.music.genres import GENRES
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Note, Section, Song

SNARE = 38


def song(genre: str, seconds: float = 90.0, seed: int = 5, **brief: Any) -> Song:
    asked = parse("", MusicRequest(genre=genre), seconds=seconds, seed=seed)
    return compose(asked.model_copy(update=brief))


def notes_in(made: Song, section: Section, part: str) -> list[Note]:
    start, end = (bar * made.beats_per_bar for bar in (section.start_bar, section.start_bar + section.bars))
    tracks = [track for track in made.tracks if track.part == part]
    return [note for track in tracks for note in track.notes if start - 0.1 <= note.start_beats < end - 0.1]


@pytest.mark.parametrize("genre", ["rock", "techno", "waltz"])
def test_asked_sections_are_played_in_their_order(genre: str) -> None:
    asked = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")
    made = song(genre, structure=asked)
    assert tuple(section.name for section in made.sections if section.name != "ending") == asked
    assert not made.brief.remarks


def test_an_asked_section_that_is_played_as_another_or_has_no_room_is_said() -> None:
    made = song("house", seconds=8, structure=("intro", "pre-chorus", "drop", "break", "drop", "outro"))
    assert [section.name for section in made.sections][:3] == ["intro", "build", "drop"]
    assert made.brief.remarks == (
        "pre-chorus is played as build",
        "8 s at 124 bpm have room for the first 3 of the 6 sections",
    )


def test_a_waltz_is_in_three_and_other_metres_are_obeyed() -> None:
    assert song("waltz").beats_per_bar == 3
    assert song("waltz", time_signature="4/4").beats_per_bar == 4
    for metre, beats in {"3/4": 3.0, "7/8": 3.5, "5/4": 5.0, "12/8": 6.0}.items():
        made = song("house", time_signature=metre)
        assert made.beats_per_bar == beats
        bass = [note.start_beats % beats for note in made.tracks[1].notes]
        assert max(bass) > beats - 1.2  # the whole bar is played


@pytest.mark.parametrize("genre", GENRES)
def test_neighbouring_sections_differ_in_players_or_density(genre: str) -> None:
    made = song(genre)
    sections = [section for section in made.sections if section.name != "ending"]
    for one, other in pairwise(sections):
        density = [sum(len(notes_in(made, s, p)) for p in s.parts) / s.bars for s in (one, other)]
        assert one.parts != other.parts or max(density) > 1.2 * min(density), (one.name, other.name, density)


@pytest.mark.parametrize("genre", GENRES)
def test_a_motif_returns_and_the_lead_rests(genre: str) -> None:
    made = song(genre)
    bars: dict[int, list[float]] = {}
    lead = next(track for track in made.tracks if track.part == "lead")
    for note in lead.notes:
        bars.setdefault(int((note.start_beats + 0.1) // made.beats_per_bar), []).append(note.start_beats)
    rhythms = [tuple(round((start - bar * made.beats_per_bar) * 4) for start in starts) for bar, starts in bars.items()]
    assert len(set(rhythms)) > 3
    assert max(rhythms.count(rhythm) for rhythm in rhythms) >= 3
    assert len(bars) < 0.85 * len(made.chords)


def test_a_build_rolls_faster_and_the_drop_comes_with_an_impact() -> None:
    made = song("techno")
    build = next(section for section in made.sections if section.name == "build")
    end = (build.start_bar + build.bars) * 4
    drums = [note for note in made.tracks[0].notes if build.start_bar * 4 <= note.start_beats < end]
    rolled = [note for note in drums if note.pitch in {SNARE, 39}]
    middle = (build.start_bar + build.bars / 2) * 4
    early = sum(note.start_beats < middle for note in rolled)
    assert len(rolled) - early > 1.5 * early > 0
    (riser,) = (note for note in drums if note.pitch == RISER)
    assert riser.start_beats + riser.duration_beats == pytest.approx(end, abs=1.01)
    assert any(note.pitch == IMPACT and note.start_beats == end for note in made.tracks[0].notes)
    assert any(sweep.part == "chords" and sweep.to_hz > sweep.from_hz for sweep in made.sweeps)


def test_most_drops_come_out_of_silence() -> None:
    silent = 0
    for seed in range(8):
        made = song("drum and bass", seed=seed)
        build = next(section for section in made.sections if section.name == "build")
        end = (build.start_bar + build.bars) * 4
        heard = [
            note
            for track in made.tracks
            for note in track.notes
            if note.start_beats < end - 0.2 and note.start_beats + note.duration_beats > end - 0.8
        ]
        silent += not heard
    assert 3 <= silent <= 8


def test_seeds_take_different_grooves_basses_and_chords() -> None:
    for genre in GENRES:
        pieces = [song(genre, 40.0, seed) for seed in range(6)]
        chorus = [next(s for s in made.sections if s.name in {"chorus", "drop"}) for made in pieces]
        for part in ("drums", "bass"):
            patterns = {
                tuple(
                    (round((note.start_beats - section.start_bar * made.beats_per_bar) * 4), note.pitch)
                    for note in notes_in(made, section, part)[:20]
                )
                for made, section in zip(pieces, chorus, strict=True)
            }
            assert len(patterns) >= 4, (genre, part)
        assert len({made.chords for made in pieces}) >= 3


def test_a_sweep_opens_without_a_click() -> None:
    rng = np.random.default_rng(1)
    hiss = rng.standard_normal((2, 2 * SAMPLE_RATE_HZ)).astype(np.float32)

    def whole(sound: Any, from_hz: float, to_hz: float) -> Any:
        length = sound.shape[1]
        return sweep_filter(np.pad(sound, ((0, 0), (SWEEP_REACH, SWEEP_REACH))), 0, length, length, (from_hz, to_hz))

    opened = whole(hiss, 300.0, 18_000.0)
    quarter = SAMPLE_RATE_HZ // 2

    def high(sound: Any) -> float:
        return float(np.abs(np.fft.rfft(sound))[len(sound) // 8 :].mean())

    assert high(opened[0, 1000:quarter]) < 0.05 * high(hiss[0, 1000:quarter])
    assert high(opened[0, -quarter:]) > 0.5 * high(hiss[0, -quarter:])
    tone = np.sin(2 * np.pi * 100 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ).astype(np.float32)[np.newaxis]
    steps = np.abs(np.diff(whole(tone, 2000.0, 8000.0)[0]))
    assert steps.max() < 1.2 * np.abs(np.diff(tone[0])).max()
