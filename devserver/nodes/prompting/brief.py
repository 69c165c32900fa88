"""The brief: what a request for music says, field by field, and who said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..music.genres import GENRES
from ..music.song import BPM_RANGE
from ..music.theory import KEY_NAMES

Origin = Literal["user", "parsed", "llm", "genre default"]
Span = tuple[int, int]  # [start, end) in characters (Unicode code points) of the text

GENRE_NAMES = tuple(GENRES)
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian", "ionian")
TIME_SIGNATURES = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "9/8", "12/8")
VOCALS = ("instrumental", "female", "male", "duet", "choir", "children", "rap", "spoken", "vocals")
LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "nl", "sv", "pl", "ru", "tr", "ar", "hi", "ja", "ko", "zh", "la")
FORMATS = ("mp3", "wav", "flac", "opus", "ogg", "m4a")
MAX_ITEMS = 64
MAX_SECONDS = 86_400.0  # a day; what makes the music has limits of its own
MAX_VARIATIONS = 16

Word = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[tuple[Word, ...], Field(max_length=MAX_ITEMS)]


class BriefValues(BaseModel):
    """The values of a brief alone: what may be locked, and what a language model is asked for. None is "not said"."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    genre: Literal[GENRE_NAMES] | None = None  # type: ignore[valid-type]  # the names of the table of genres
    sub_genre: Word | None = None
    era: Word | None = None
    moods: Words | None = None
    bpm: Annotated[float, Field(ge=BPM_RANGE[0], le=BPM_RANGE[1])] | None = None
    key: Literal[KEY_NAMES] | None = None  # type: ignore[valid-type]  # computed once, in theory.py
    mode: Literal[MODES] | None = None  # type: ignore[valid-type]
    time_signature: Literal[TIME_SIGNATURES] | None = None  # type: ignore[valid-type]
    duration_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] | None = None
    instruments: Words | None = None
    vocals: Literal[VOCALS] | None = None  # type: ignore[valid-type]
    language: Literal[LANGUAGES] | None = None  # type: ignore[valid-type]
    structure: Words | None = None
    texture: Words | None = None
    production: Words | None = None
    avoid: Words | None = None
    variations: Annotated[int, Field(ge=1, le=MAX_VARIATIONS)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    format: Literal[FORMATS] | None = None  # type: ignore[valid-type]

    @classmethod
    def parse(cls, values: object) -> BriefValues:
        """Return the values, checked.

        Raises:
            BadValue: one is not allowed; it names field, value and what is wrong with it.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            fault = error.errors()[0]
            if not fault["loc"]:
                raise BadValue("", values, "an object of the brief's fields") from error
            if fault["type"] == "extra_forbidden":
                raise BadValue(str(fault["loc"][0]), fault["input"], f"the fields {', '.join(FIELDS)}") from error
            raise BadValue(str(fault["loc"][0]), fault["input"], fault["msg"], fault) from error


FIELDS = tuple(BriefValues.model_fields)
LISTS = frozenset({"moods", "instruments", "structure", "texture", "production", "avoid"})


class BadValue(ValueError):
    """A value that its field cannot have; `fault` is what pydantic says of it, where it says something."""

    def __init__(self, field: str, value: object, allowed: str, fault: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{field or 'locked'} is {value!r}; allowed: {allowed}")
        self.field, self.value, self.allowed, self.fault = field, value, allowed, fault


@dataclass(frozen=True)
class Reading:
    """A field's value, where the text says it, how sure that is (0 to 1) and who said it.

    `user` is what stands in the text in so many words, or is locked; `parsed` is concluded from its words. A list has
    in `spans` one span (or None) for each of its items. Below `GUESS` it is a guess that others may replace.
    """

    value: Any
    span: Span | None
    confidence: float
    origin: Origin
    spans: tuple[Span | None, ...] | None = None

    @property
    def guessed(self) -> bool:
        return self.confidence < GUESS

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "value": list(self.value) if isinstance(self.value, tuple) else self.value,
            "span": list(self.span) if self.span else None,
            "confidence": round(self.confidence, 2),
            "origin": self.origin,
        }
        if self.spans is not None:
            shown["spans"] = [list(span) if span else None for span in self.spans]
        return shown


GUESS = 0.5
Readings = Mapping[str, Reading]


@dataclass(frozen=True)
class Unmatched:
    """A word of the text that says nothing to the parser."""

    word: str
    span: Span

    def as_json(self) -> dict[str, Any]:
        return {"word": self.word, "span": list(self.span)}


@dataclass(frozen=True)
class Conflict:
    """Fields that contradict each other, or something asked that cannot be had."""

    fields: tuple[str, ...]
    message: str

    def as_json(self) -> dict[str, Any]:
        return {"fields": list(self.fields), "message": self.message}


@dataclass(frozen=True)
class Parsed:
    """The result of reading a text: a reading of each field that it mentions, and warnings about them."""

    readings: Readings
    unmatched: tuple[Unmatched, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()

    def value(self, field: str) -> Any:
        reading = self.readings.get(field)
        return None if reading is None else reading.value

    def items(self, field: str) -> tuple[str, ...]:
        """Return a list's items; none where it was not spoken of."""
        return tuple(self.value(field) or ())

    def as_json(self) -> dict[str, Any]:
        readings = self.readings
        return {
            "brief": {name: readings[name].as_json() if name in readings else None for name in FIELDS},
            "unmatched": [word.as_json() for word in self.unmatched],
            "conflicts": [conflict.as_json() for conflict in self.conflicts],
            "notes": list(self.notes),
        }
