"""The request for a run: its fields, and what is wrong with them."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator
from pydantic_core import PydanticCustomError

from schemas.model import Level

SEED_LIMIT: Final = 2**32 - 1
MOST_AT_ONCE: Final = 16  # outputs, and formats, that one request may ask for

EXAMPLE: Final[dict[str, JsonValue]] = {
    "schema": "dada",
    "input_text": "test",
    "output_config": "acestep_instrumental",
    "execution_mode": "eco",
    "safety_level": "off",
}


class ExecuteRequest(BaseModel):
    """The body of `POST /api/schema/pipeline/execute`."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [EXAMPLE]})

    schema_: str | None = Field(
        None, alias="schema", description="How the text is transformed: an interception config."
    )
    input_text: str = Field(max_length=20_000, description="What the user wrote.", examples=["test"])
    output_config: str | list[str] | None = Field(None, description="What is made of it; several names make several.")
    pipeline: str | None = Field(None, description="Default: the output config's own.")
    preset: str | None = Field(None, description="A set of values that the output config has under this name.")
    params: dict[str, object] = Field({}, description="Values by parameter name, or by `stage.parameter`.")
    seed: int | Literal["random"] | None = Field(None, description="null, -1 and 'random' draw one, which is recorded.")
    execution_mode: Literal["eco", "fast"] = Field(
        "eco", description="eco: local backends only; fast: remote ones too."
    )
    backend: str | list[str] | None = Field(
        None,
        description="The backend that makes it, or several of which one does, by name; in any execution_mode. Then it "
        "falls back to another output only where `fallback` is sent as true.",
    )
    safety_level: Level = Field(
        "adult",
        description="off skips the safety stages. Left out: adult, or a `safety_floor` that is stricter.",
    )
    fallback: bool = Field(True, description="False: answer 409 rather than make something else than was asked for.")
    priority: int = Field(
        0, ge=-9, le=9, description="Who waits with a higher one goes first; equal ones take turns by user."
    )
    formats: list[str] = Field(
        [],
        max_length=MOST_AT_ONCE,
        description="File formats; default the config's own. Several are made from a lossless file.",
    )
    wait: bool = Field(True, description="False: answer 202 with links at once.")
    wait_timeout_s: float = Field(600.0, ge=0, le=86_400, description="How long to wait before answering 202.")
    brief: bool | dict[str, object] = Field(
        True,
        description="What the words say of length, tempo, key, takes and format is used where the request leaves it "
        "open; false: nothing is. An object holds fields of the brief that stay, whatever the words say.",
    )
    enable_streaming: bool = Field(False, description="Answer with the run's events as they happen (SSE).")

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the backends that may make it; none stands for all."""
        return (self.backend,) if isinstance(self.backend, str) else tuple(self.backend or ())

    @property
    def falls_back(self) -> bool:
        """Return whether another output may be made where the asked one cannot."""
        return self.fallback and (not self.backends or "fallback" in self.model_fields_set)

    @field_validator("input_text")
    @classmethod
    def _has_text(cls, value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("blank", "must not be empty")
        value.encode()  # a lone surrogate cannot be stored or sent on
        return value

    @field_validator("seed")
    @classmethod
    def _seed_in_range(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and not -1 <= value <= SEED_LIMIT:
            raise PydanticCustomError("seed_range", "must be -1 or from 0 to {most}", {"most": SEED_LIMIT})
        return value

    @field_validator("output_config")
    @classmethod
    def _has_output(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > MOST_AT_ONCE:
            raise PydanticCustomError("most_outputs", "a request has at most {most} outputs", {"most": MOST_AT_ONCE})
        if isinstance(value, list) and (not value or len(set(value)) != len(value)):
            raise PydanticCustomError("outputs_once", "must name at least one output config, and each one once")
        return value
