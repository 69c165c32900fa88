"""The rules by which an interception rewrites a text without a model: one class per `kind`, with its parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationInfo, field_validator

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Term = Annotated[str, Field(min_length=1)]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Plain(_Rule):
    """The text goes through unchanged."""

    kind: Literal["plain"]


class CutUp(_Rule):
    """The text is cut into fragments of `min_words` to `max_words` words, which are put together in another order."""

    kind: Literal["cut_up"]
    min_words: Annotated[StrictInt, Field(ge=1, le=100)] = 1
    max_words: Annotated[StrictInt, Field(ge=1, le=100)] = 1

    @field_validator("max_words")
    @classmethod
    def _max_above_min(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_words", 1):
            raise ValueError(f"{value} is below min_words {info.data['min_words']}")
        return value


class Mirror(_Rule):
    """The last word, or the last sentence, comes first."""

    kind: Literal["mirror"]
    of: Literal["words", "sentences"] = "words"


class Alphabetical(_Rule):
    """The words in the order of the alphabet."""

    kind: Literal["alphabetical"]


class Erasure(_Rule):
    """Most of the words are rubbed out; a drawn `share` of them stays, in order, and at least `least` words."""

    kind: Literal["erasure"]
    share: Share = 0.25
    least: Annotated[StrictInt, Field(ge=1, le=100)] = 3


class Telegram(_Rule):
    """Only words that carry sense, in capitals; `stop` stands between sentences."""

    kind: Literal["telegram"]
    stop: Term = "STOP"


class Echo(_Rule):
    """A drawn `share` of the words is said again, up to `times` times; the last one always."""

    kind: Literal["echo"]
    share: Share = 0.3
    times: Annotated[StrictInt, Field(ge=1, le=9)] = 2


class Lipogram(_Rule):
    """A text without certain letters: words that have one are left out, or are spelled with others."""

    kind: Literal["lipogram"]
    letters: Annotated[str, Field(pattern=r"^[a-z]{1,5}$")]
    means: Literal["drop", "respell"] = "drop"


class Spoonerism(_Rule):
    """Neighbouring words that carry sense exchange the sounds that they begin with."""

    kind: Literal["spoonerism"]


class Shift(_Rule):
    """Every word that carries sense becomes the one `steps` further on in the alphabetical list of the text's own."""

    kind: Literal["shift"]
    steps: Annotated[StrictInt, Field(ge=1, le=1000)] = 7


class Haiku(_Rule):
    """Three lines of five, seven and five syllables, of the text's own words in their order."""

    kind: Literal["haiku"]


class Exchange(_Rule):
    """Words are exchanged by a table; `both_ways` reads it from right to left too."""

    kind: Literal["exchange"]
    words: Annotated[dict[Term, Term], Field(min_length=1)]
    both_ways: StrictBool = False


class Sound(_Rule):
    """The sound of some words. A word that ends in `*` stands for all with that beginning."""

    words: Annotated[tuple[Term, ...], Field(min_length=1)]
    genre: str = ""
    mood: str = ""
    key: str = ""
    bpm: Annotated[StrictInt, Field(ge=20, le=300)] | None = None
    instruments: tuple[Term, ...] = ()


class Sounds(_Rule):
    """A description of music by a table of what words sound like; where it knows none of a text, `drawn` entries."""

    kind: Literal["sounds"]
    sounds: Annotated[tuple[Sound, ...], Field(min_length=1)]
    drawn: Annotated[StrictInt, Field(ge=1, le=9)] = 2
    most_instruments: Annotated[StrictInt, Field(ge=1, le=20)] = 4


Rule = Annotated[
    Plain
    | CutUp
    | Mirror
    | Alphabetical
    | Erasure
    | Telegram
    | Echo
    | Lipogram
    | Spoonerism
    | Shift
    | Haiku
    | Exchange
    | Sounds,
    Field(discriminator="kind"),
]
