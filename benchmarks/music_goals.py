"""What is demanded of each piece, and what its measures say to that.

The ranges of the spectrum were set by what each kind of music is known for, before any was measured: bass carries club
music and dub; guitars, pianos and strings live between 120 and 2000 Hz; cymbals and air are some 15 to 35 dB below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.music_score import ScoreFacts, Side, differ
from benchmarks.music_sound import BAND_NAMES, SoundFacts
from devserver.nodes.music.song import Song
from devserver.nodes.music.treatment import apply_treatments

BPM_WITHIN = 0.01
SECONDS_WITHIN = 0.01
LOUDNESS_LUFS, LOUDNESS_WITHIN_LU = -14.0, 0.2
CEILING_DBTP = -1.0
LEAST_IN_KEY = 0.9
MOST_ALIKE = 0.7
SECTION_DB = 2.0
LEAST_LEAD_RESTS = 0.15
LONGEST_LEAD_BEATS = 20.0
MOST_ONE_NOTE = 0.75
LEAST_KEYS_HEARD = 0.95  # of all pieces; the others hold for each

Range = tuple[float, float]
Ranges = tuple[Range, Range, Range, Range, Range]  # dB below the whole, for each of `BAND_NAMES`
CLUB: Ranges = ((-6.5, -0.5), (-16, -3), (-22, -6), (-28, -9), (-34, -11))
BEAT: Ranges = ((-8, -0.8), (-12, -2), (-20, -4), (-28, -9), (-38, -12))
BAND: Ranges = ((-11, -2), (-9, -1.2), (-14, -3), (-22, -7), (-32, -10))
ACOUSTIC: Ranges = ((-15, -2), (-7, -0.6), (-15, -2.5), (-26, -7), (-42, -12))
SPACE: Ranges = ((-18, -1.5), (-7, -0.4), (-18, -3), (-34, -9), (-52, -15))
SPECTRA: dict[str, Ranges] = {
    **dict.fromkeys(("drum and bass", "techno", "house", "trap"), CLUB),
    **dict.fromkeys(("lo-fi hip hop", "reggae", "synthwave"), BEAT),
    "rock": BAND,
    **dict.fromkeys(("jazz", "orchestral", "waltz", "folk"), ACOUSTIC),
    "ambient": SPACE,
}


@dataclass(frozen=True)
class Missed:
    """A goal that a piece missed, in words."""

    goal: str
    said: str


def of_score(song: Song, score: ScoreFacts) -> Iterator[Missed]:
    if score.in_key < LEAST_IN_KEY:
        yield Missed("key of the score", f"{score.in_key:.0%} of the notes' time is in {song.brief.key}")
    if not score.ends_on_tonic:
        yield Missed("key of the score", f"the last bass note is not the tonic of {song.brief.key}")
    if score.lead_rests is not None and score.lead_rests < LEAST_LEAD_RESTS:
        yield Missed("lead rests", f"the lead is silent for {score.lead_rests:.0%} of its sections")
    if score.lead_longest_beats > LONGEST_LEAD_BEATS:
        yield Missed("lead rests", f"the lead plays {score.lead_longest_beats:.0f} beats without a rest")
    if score.bass_commonest is not None and score.bass_commonest > MOST_ONE_NOTE:
        yield Missed("bass", f"{score.bass_commonest:.0%} of the bass is one note")
    if score.out_of_range:
        yield Missed("ranges", f"{score.out_of_range} notes out of range")
    if score.fills[1] > 2 and score.fills[0] < 2:
        yield Missed("fills", f"the same bar before {score.fills[1]} changes")


def of_sections(sides: list[Side], differences_db: list[float]) -> Iterator[Missed]:
    for one, other, decibels in zip(sides, sides[1:], differences_db, strict=False):
        if not differ(one, other) and decibels < SECTION_DB:
            yield Missed("sections", f"{one.section.name} and {other.section.name} do not differ ({decibels:.1f} dB)")


def of_sound(song: Song, sound: SoundFacts) -> Iterator[Missed]:
    brief = song.brief
    off = tempo_off(sound.bpm, brief.bpm)
    if off is None or off > BPM_WITHIN:
        yield Missed("bpm", f"{sound.bpm} heard, {brief.bpm:g} asked")
    if abs(sound.seconds - brief.seconds) > SECONDS_WITHIN:
        yield Missed("length", f"{sound.seconds:.3f} s, {brief.seconds:g} asked")
    if abs(sound.loudness_lufs - LOUDNESS_LUFS) > LOUDNESS_WITHIN_LU:
        yield Missed("loudness", f"{sound.loudness_lufs:.2f} LUFS")
    if sound.true_peak_dbtp > CEILING_DBTP:
        yield Missed("true peak", f"{sound.true_peak_dbtp:.2f} dBTP")
    if sound.clicks and "crackle" not in apply_treatments(brief).beds:  # crackle is clicks
        yield Missed("clicks", f"{sound.clicks}")
    if sound.clipped:
        yield Missed("clipping", f"{sound.clipped} samples")
    silent = set(brief.muted) & {"drums", "bass", "chords"}
    for name, level, (low, high) in zip(BAND_NAMES, sound.bands_db.values(), SPECTRA[brief.genre], strict=True):
        if not silent and not low <= level <= high:
            yield Missed("spectrum", f"{name} {level:.1f} dB ({low:g} to {high:g})")


def tempo_off(heard: float | None, asked: float) -> float | None:
    """By how much of itself a tempo is off, octaves aside."""
    if not heard:
        return None
    return min(abs(heard * factor / asked - 1) for factor in (0.25, 0.5, 1, 2, 4))


def key_heard(song: Song, sound: SoundFacts) -> bool:
    return song.brief.key in {sound.key, sound.key_relative}
