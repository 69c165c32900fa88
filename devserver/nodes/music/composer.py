"""Writes a song from a brief: form and harmony, then each part by the rules of its genre."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .accompaniment import write_bass, write_chords, write_layer
from .contrast import add_contrast
from .drumming import write_drums
from .feel import apply_feel
from .form import plan, role
from .genres import GENRES
from .harmony import harmonies
from .melody import Line, compose_lead
from .score import STEP_BEATS, Bar, Score, stream
from .song import PARTS, Brief, Mood, Note, Part, Section, Song, Sweep, Track
from .theory import Key

ENERGY_SHIFT: dict[Mood, float] = {"calm": -0.16, "energetic": 0.1, "bright": 0.04, "dark": 0.0, "neutral": 0.0}
GAP_BEATS = 1.0  # of silence before a drop
SOON_BEATS = 0.25
SHORTEST_BEATS = 0.01
GAPS_IN_FOUR = 3  # so many drops of four have one

Gap = tuple[float, float]


def compose(brief: Brief) -> Song:
    """Return the song for a brief; the same brief makes the same song."""
    genre = apply_feel(GENRES[brief.genre], brief)
    key = Key.named(brief.key)
    beats_per_bar = float(genre.beats_per_bar)
    if brief.time_signature:
        count, unit = brief.time_signature.split("/")
        beats_per_bar = int(count) * 4 / int(unit)
    sections = plan(
        brief.seconds,
        brief.bpm,
        beats_per_bar=beats_per_bar,
        form=genre.form,
        structure=brief.structure,
        intro=genre.intro,
        muted=brief.muted,
        energy_shift=ENERGY_SHIFT[brief.mood],
    )
    chords = harmonies(genre, key, sections, stream(brief.seed, "harmony"), mode=brief.mode)
    bars = tuple(
        Bar(section, section.start_bar + offset, harmony, following, beats_per_bar)
        for (section, offset), harmony, following in zip(
            ((section, offset) for section in sections for offset in range(section.bars)),
            chords,
            [*chords[1:], chords[-1]],
            strict=True,
        )
    )
    score = Score(brief, genre, key, bars, brief.seconds * brief.bpm / 60, beats_per_bar)
    return Song(
        brief=_add_remarks(brief, sections),
        beats_per_bar=beats_per_bar,
        swing_delay_beats=genre.swing * (0.5 if genre.swung_eighths else 0.25),
        swing_unit_beats=0.5 if genre.swung_eighths else 0.25,
        sections=sections,
        chords=tuple(bar.harmony.symbol for bar in bars),
        tracks=tuple(_start_at_once(add_contrast(score, list(_tracks(score))))),
        sweeps=tuple(_sweeps(score)),
    )


def _start_at_once(tracks: Sequence[Track]) -> list[Track]:
    """Return the tracks, with what is heard first begun at once: a piece does not open with silence."""
    first = min((track.notes[0].start_beats for track in tracks if track.notes), default=0.0)
    if first < SOON_BEATS:
        return list(tracks)
    begun = []
    for track in tracks:
        opening = [note for note in track.notes if note.start_beats < first + SOON_BEATS]
        early = [
            note._replace(start_beats=0.0, duration_beats=note.duration_beats + note.start_beats) for note in opening
        ]
        begun.append(track.model_copy(update={"notes": (*early, *track.notes[len(opening) :])}))
    return begun


def _add_remarks(brief: Brief, sections: Sequence[Section]) -> Brief:
    played = tuple(section.name for section in sections if section.name != "ending")
    said = [f"{name} is played as {role(name)}" for name in dict.fromkeys(brief.structure) if role(name) != name]
    if brief.structure and len(played) < len(brief.structure):
        room = f"{len(played)} of the {len(brief.structure)} sections"
        said.append(f"{brief.seconds:g} s at {brief.bpm:g} bpm have room for the first {room}")
    return brief.model_copy(update={"remarks": (*brief.remarks, *said)}) if said else brief


def _tracks(score: Score) -> Iterator[Track]:
    """Yield the parts in order; after each its further voices."""
    gaps = _gaps(score)
    lead = tuple(_fit_notes(_lead(score), score.end_beats, gaps))
    written: dict[Part, Iterable[Note]] = {
        "drums": write_drums(score),
        "bass": write_bass(score),
        "chords": write_chords(score),
        "lead": lead,
    }
    for part in PARTS:
        voice = score.brief.voices.get(part, score.genre.voices[part])
        muted = part in score.brief.muted
        notes = () if muted else tuple(_fit_notes(written[part], score.end_beats, gaps))
        yield Track(part=part, voice=voice, notes=notes)
        for number, layer in enumerate(score.genre.layers):
            # Who asks for a piano gets a piano, not a piano among synthesisers.
            if layer.part != part or muted or part in score.brief.voices:
                continue
            notes = tuple(_fit_notes(write_layer(score, layer, number, lead), score.end_beats, gaps))
            if notes:
                yield Track(part=part, voice=layer.voice, notes=notes, gain_db=layer.gain_db)


def _lead(score: Score) -> Iterator[Note]:
    rng = score.random("lead")
    alone = {"drums", "bass", "chords"} <= set(score.brief.muted)
    least = 0.0 if alone else score.genre.melody.min_energy
    lines = [
        Line(
            bar=bar.in_section,
            harmony=bar.harmony,
            start_beats=bar.start_beats,
            role=bar.section.name,
            closes=bar.ends_section or bar.in_section % 4 == 3,
            plays="lead" in bar.section.parts
            and (bar.section.energy >= least or bar.section.name in {"break", "bridge", "ending"}),
            steps=score.steps_per_bar,
            dynamic=score.dynamic(bar),
        )
        for bar in score.bars
    ]
    rhythms = [score.fitted(rhythm, 0) for rhythm in score.genre.melody.rhythms]
    for step, bar_beats, length_beats, pitch, velocity in compose_lead(
        score.genre.melody, rhythms, score.key, lines, shift=score.register, rng=rng
    ):
        length = length_beats * score.genre.note_length
        yield Note(score.played(rng, "lead", bar_beats, step), length, pitch, velocity)


def _gaps(score: Score) -> list[Gap]:
    """Return the beats of silence before drops, the same for all parts."""
    rng = score.random("gaps")
    return [
        (bar.end_beats - GAP_BEATS, bar.end_beats)
        for bar in score.bars
        if bar.ends_section
        and bar.section.bars >= 2
        and bar.section.name == "build"
        and rng.randrange(4) < GAPS_IN_FOUR
    ]


def _sweeps(score: Score) -> Iterator[Sweep]:
    """Filters that open: chords over a build, a club piece's beat over its intro."""
    muted = score.brief.muted
    for section in score.sections():
        start = float(section.start_bar * score.beats_per_bar)
        end = min(score.end_beats, start + section.bars * score.beats_per_bar)
        if section.name == "build" and "chords" not in muted:
            yield Sweep("chords", start, end, 500.0, 14_000.0)
        elif score.genre.filtered and "chords" in section.parts and "chords" not in muted:
            closed, opened = (400.0, 7000.0) if section.start_bar % 8 else (7000.0, 500.0)
            yield Sweep("chords", start, end, closed, opened)
        if section.name == "intro" and score.genre.form == "club" and section.bars >= 2:
            swept: tuple[Part, ...] = ("drums", "chords")
            for part in swept:
                if part in section.parts and part not in muted:
                    yield Sweep(part, start, end, 700.0 if part == "drums" else 400.0, 16_000.0)


def _fit_notes(notes: Iterable[Note], end_beats: float, gaps: Sequence[Gap]) -> list[Note]:
    """Note in order of time, rounded to what JSON shows, none longer than the song and none in a gap."""
    fitted = []
    for note in notes:
        end = min(end_beats, note.start_beats + note.duration_beats)
        for gap_start, gap_end in gaps:
            if note.start_beats < gap_end - STEP_BEATS / 2 and end > gap_start:
                end = gap_start  # so a note that begins in the gap has no length left
        duration = end - note.start_beats
        if duration > SHORTEST_BEATS:
            velocity = min(127, max(1, note.velocity))
            fitted.append(Note(round(note.start_beats, 5), round(duration, 5), note.pitch, velocity))
    return _end_before_repeat(sorted(fitted))


def _end_before_repeat(notes: Sequence[Note]) -> list[Note]:
    """Return the notes, each ended before its pitch is struck again; of two at one time the first stays."""
    kept: list[Note] = []
    last: dict[int, int] = {}  # by pitch: where its latest note is in `kept`
    for note in notes:
        at = last.get(note.pitch)
        if at is not None and kept[at].start_beats + kept[at].duration_beats > note.start_beats:
            held = round(note.start_beats - kept[at].start_beats, 5)
            if held < SHORTEST_BEATS:
                continue
            kept[at] = kept[at]._replace(duration_beats=held)
        last[note.pitch] = len(kept)
        kept.append(note)
    return sorted(kept)
