"""The models between text and sound: a brief, and the song composed from it. Both are plain JSON."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .theory import KEY_NAMES, Key

Part = Literal["drums", "bass", "chords", "lead"]
PARTS: tuple[Part, ...] = ("drums", "bass", "chords", "lead")
Mood = Literal["neutral", "bright", "dark", "calm", "energetic"]
SectionName = Literal["intro", "verse", "build", "chorus", "drop", "bridge", "break", "solo", "outro"]

BPM_RANGE = (30.0, 300.0)
MAX_SECONDS = 600.0


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Brief(Frozen):
    """A request for music with nothing left open. `voices` are the asked sounds; `muted` parts do not play.

    `structure` holds the asked sections in their order, with the names of ``prompting.vocabulary``; empty leaves them
    to the composer, as None leaves the time signature to the genre. `mode` is a church mode where one is asked, `style`
    the narrower style within the genre.
    """

    prompt: str
    genre: str
    bpm: Annotated[float, Field(ge=BPM_RANGE[0], le=BPM_RANGE[1])]
    key: Literal[KEY_NAMES]  # type: ignore[valid-type]  # the names are computed once, in theory.py
    mood: Mood
    mode: str = ""
    style: str = ""
    voices: dict[Part, str] = {}
    muted: tuple[Part, ...] = ()
    time_signature: Literal["2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "9/8", "12/8"] | None = None
    structure: tuple[str, ...] = ()
    textures: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    era: str = ""
    seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    remarks: tuple[str, ...] = ()


class Section(Frozen):
    """Bars [start_bar, start_bar + bars) with an energy from 0 to 1, and the parts that play in it."""

    name: SectionName | Literal["ending"]
    start_bar: Annotated[int, Field(ge=0)]
    bars: Annotated[int, Field(ge=1)]
    energy: Annotated[float, Field(ge=0, le=1)]
    parts: tuple[Part, ...] = PARTS


class Note(NamedTuple):
    """A note; time in beats from the song's start, pitch and velocity as in MIDI (drums by General MIDI's map)."""

    start_beats: Annotated[float, Field(ge=0)]
    duration_beats: Annotated[float, Field(gt=0)]
    pitch: Annotated[int, Field(ge=0, le=127)]
    velocity: Annotated[int, Field(ge=1, le=127)]


class Track(Frozen):
    """Notes of one voice. Several tracks may make one part: a pad under the piano; `gain_db` sets them against it."""

    part: Part
    voice: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0


class Sweep(NamedTuple):
    """A low-pass over a part that moves from one corner frequency to another; time in beats."""

    part: Part
    start_beats: Annotated[float, Field(ge=0)]
    end_beats: Annotated[float, Field(gt=0)]
    from_hz: Annotated[float, Field(ge=20, le=24_000)]
    to_hz: Annotated[float, Field(ge=20, le=24_000)]


class Song(Frozen):
    """A composed piece: one chord symbol per bar, quarter notes as beats.

    Every second sixteenth (or eighth, by `swing_unit_beats`) is late by the swing.
    """

    format: Literal["tonewright.song.1"] = "tonewright.song.1"
    brief: Brief
    beats_per_bar: Annotated[float, Field(ge=2, le=6, multiple_of=0.5)] = 4.0
    swing_delay_beats: Annotated[float, Field(ge=0, lt=0.25)]
    swing_unit_beats: Annotated[float, Field(ge=0.25, le=0.5)] = 0.25
    sections: tuple[Section, ...]
    chords: tuple[str, ...]
    tracks: tuple[Track, ...]
    sweeps: tuple[Sweep, ...] = ()

    @property
    def key(self) -> Key:
        return Key.named(self.brief.key)

    def to_json(self) -> str:
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Song:
        """Return the song in a JSON text.

        Raises:
            ValueError: the text is not a song; the message names the first fields at fault.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'song'}: {fault['msg']}" for fault in error.errors()[:3]
            )
            raise ValueError(f"song is not a song from TonewrightCompose: {faults}") from error
