"""The rules by which an interception rewrites a text without a model: one class per `kind`, with its parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationInfo, field_validator


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


Rule = Annotated[Plain | CutUp, Field(discriminator="kind")]
