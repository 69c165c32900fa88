"""A song as a MIDI file, read back by another program's reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import pytest

from devserver.nodes import TABLE
from devserver.nodes.host import Host, current
from devserver.nodes.midi import PROGRAMS, TICKS_PER_BEAT
from devserver.nodes.music.composer import compose
from devserver.nodes.music.prompt import MusicRequest, parse
from devserver.nodes.music.song import Song
from devserver.nodes.music.voices import VOICES


def written(tmp_path: Path, genre: str, **asked: Any) -> tuple[Song, mido.MidiFile]:
    song = compose(parse("", MusicRequest(genre=genre, **asked), seconds=30, seed=4))
    token = current.set(Host(tmp_path))
    try:
        output = TABLE["TonewrightMidi"]().run(song=song.to_json(), filename_prefix="run/piece")
    finally:
        current.reset(token)
    (entry,) = output["ui"]["files"]
    assert entry == {"filename": "piece_00001_.mid", "subfolder": "run", "type": "output"}
    json.dumps(output["ui"])
    return song, mido.MidiFile(tmp_path / "run" / "piece_00001_.mid")


def meta(file: mido.MidiFile) -> dict[str, Any]:
    return {message.type: message for message in reversed(file.tracks[0])}


def test_tempo_metre_key_and_sections_are_in_the_file(tmp_path: Path) -> None:
    song, file = written(tmp_path, "drum and bass", bpm=173.5, key="D# minor")
    said = meta(file)
    assert mido.tempo2bpm(said["set_tempo"].tempo) == pytest.approx(173.5, rel=1e-4)
    assert (said["time_signature"].numerator, said["time_signature"].denominator) == (4, 4)
    assert said["key_signature"].key == "D#m"
    markers = [message.text for message in file.tracks[0] if message.type == "marker"]
    assert markers == [section.name for section in song.sections]
    assert file.length == pytest.approx(30, abs=0.05)


def test_a_waltz_is_written_in_three(tmp_path: Path) -> None:
    _, file = written(tmp_path, "waltz")
    assert (meta(file)["time_signature"].numerator, meta(file)["time_signature"].denominator) == (3, 4)


@pytest.mark.parametrize("genre", ["techno", "orchestral"])
def test_every_note_is_where_the_song_has_it(tmp_path: Path, genre: str) -> None:
    song, file = written(tmp_path, genre)
    playing = [track for track in song.tracks if track.notes]
    assert len(file.tracks) == 1 + len(playing)
    for track, messages in zip(playing, file.tracks[1:], strict=True):
        now, found = 0, []
        for message in messages:
            now += message.time
            if message.type == "note_on":
                assert (message.channel == 9) == (track.part == "drums")
                found.append((now, message.note, message.velocity))
        drums = track.part == "drums"
        expected = [
            (round(note.start_beats * TICKS_PER_BEAT), note.pitch, note.velocity)
            for note in track.notes
            if note.pitch >= 35 or not drums
        ]
        assert sorted(found) == sorted(expected)
        assert messages[0].name == f"{track.part}: {track.voice}"


def test_every_voice_has_an_instrument() -> None:
    assert set(PROGRAMS) == set(VOICES)
