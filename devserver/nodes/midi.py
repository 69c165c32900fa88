"""The node that writes a song as a MIDI file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .host import host
from .music.drumming import FIRST_DRUM
from .music.genres import GENRES
from .music.song import Song, Track

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
# General MIDI's program for a voice, counted from 0
PROGRAMS = (
    dict.fromkeys(("reese", "acid", "saw_bass"), 38)
    | dict.fromkeys(("round_bass", "sub", "sub808", "dub_bass"), 39)
    | {"finger_bass": 33, "pick_bass": 34, "upright": 32, "low_strings": 43}
    | {"pad": 89, "strings": 48, "supersaw": 81, "stab": 62, "organ": 16, "epiano": 4, "piano": 0, "guitar": 25}
    | {"power": 30, "nylon": 24, "harp": 46, "pizzicato": 45, "chop": 27, "choir": 52, "brass": 61}
    | {"square_lead": 80, "saw_lead": 81, "pluck": 87, "bell": 14, "flute": 73, "lead_guitar": 29, "horn": 60}
    | {"violin": 40, "trumpet": 56, "melodica": 22, "accordion": 21}
)


class TonewrightMidi:
    """Song to a MIDI file of format 1: a track for tempo, metre, key and sections, then one for each voice."""

    DISPLAY_NAME = "Save MIDI (Tonewright)"
    CATEGORY = "tonewright/music"
    DESCRIPTION = "Writes a song from TonewrightCompose as a standard MIDI file with a track for each voice."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "song": ("STRING", {"multiline": True, "forceInput": True}),
                "filename_prefix": ("STRING", {"default": "midi/tonewright"}),
            }
        }

    def run(self, song: str, filename_prefix: str) -> dict[str, Any]:
        composed = Song.from_json(song)
        host().check()
        path, entry = host().save_path(filename_prefix, "mid")
        write_midi(composed, path)
        return {"ui": {"files": [entry]}, "result": ()}


def write_midi(song: Song, path: Path) -> None:
    """Write the file. Times are rounded to ticks, 480 to a beat.

    Raises:
        RuntimeError: the package ``mido`` is not installed.
    """
    try:
        import mido
    except ImportError as error:
        raise RuntimeError("a MIDI file needs the package mido: pip install mido") from error
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_track(mido, _conducting(mido, song)))
    channels = iter([channel for channel in range(16) if channel != DRUM_CHANNEL])
    for track in song.tracks:
        channel = DRUM_CHANNEL if track.part == "drums" else next(channels)
        if track.notes:
            file.tracks.append(_track(mido, _playing(mido, song, track, channel)))
    file.save(str(path))


def _conducting(mido: Any, song: Song) -> list[tuple[float, Any]]:
    beats, unit = song.beats_per_bar, 4
    while beats != int(beats):
        beats, unit = beats * 2, unit * 2
    key = song.brief.key
    name = key.split()[0] + ("m" if key.endswith("minor") else "")
    name = {"D#": "Eb", "G#": "Ab", "A#": "Bb"}.get(name, name)  # majors of more than seven sharps have no sign
    events = [
        (0.0, mido.MetaMessage("track_name", name=song.brief.genre)),
        (0.0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(song.brief.bpm))),
        (0.0, mido.MetaMessage("time_signature", numerator=int(beats), denominator=unit)),
        (0.0, mido.MetaMessage("key_signature", key=name)),
    ]
    starts = ((section.start_bar * song.beats_per_bar, section.name) for section in song.sections)
    events.extend((start, mido.MetaMessage("marker", text=name)) for start, name in starts)
    end_beats = song.brief.seconds * song.brief.bpm / 60
    return [*events, (end_beats, mido.MetaMessage("end_of_track"))]


def _playing(mido: Any, song: Song, track: Track, channel: int) -> list[tuple[float, Any]]:
    events = [(0.0, mido.MetaMessage("track_name", name=f"{track.part}: {track.voice}"))]
    if channel != DRUM_CHANNEL:
        program = PROGRAMS.get(track.voice, 0)
        events.append((0.0, mido.Message("program_change", channel=channel, program=program)))
    level = round(100 + GENRES[song.brief.genre].levels.of(track.part) + track.gain_db)
    events.append((0.0, mido.Message("control_change", channel=channel, control=7, value=level)))
    for note in track.notes:
        if channel == DRUM_CHANNEL and note.pitch < FIRST_DRUM:
            continue  # an effect: a drum machine would play something else there
        about = {"channel": channel, "note": note.pitch}
        events.append((note.start_beats, mido.Message("note_on", velocity=note.velocity, **about)))
        events.append((note.start_beats + note.duration_beats, mido.Message("note_off", velocity=0, **about)))
    return events


def _track(mido: Any, events: list[tuple[float, Any]]) -> Any:
    """Events as messages after each other; at one time what ends comes before what begins, and the end last."""
    order = {"note_off": 1, "note_on": 2, "end_of_track": 3}
    timed = sorted(((round(at * TICKS_PER_BEAT), order.get(event.type, 0), event) for at, event in events), key=_when)
    messages, now = mido.MidiTrack(), 0
    for ticks, _, event in timed:
        messages.append(event.copy(time=ticks - now))
        now = ticks
    return messages


def _when(event: tuple[int, int, Any]) -> tuple[int, int]:
    return event[:2]
