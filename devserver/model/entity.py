"""An entity: one file that belongs to a run, and what is known of it."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from pydantic import Field

from devserver.model.kept import EventData, Kept
from devserver.system.sniff import Medium


class MediaFacts(Kept):
    """Facts from decoding a media file; None where its medium has no such thing."""

    seconds: float | None = Field(None, description="decoded length in seconds")
    sample_rate_hz: int | None = Field(None, description="of the sound, in Hz")
    channels: int | None = Field(None, description="of the sound")
    codec: str | None = Field(None, description="of the sound, or of the picture where there is no sound")
    peak_dbfs: float | None = Field(None, description="largest sample in dBFS, from -120 up")
    clipped_samples: int | None = Field(None, description="samples at full scale or above, over all channels")
    width: int | None = Field(None, description="of the picture, in pixels")
    height: int | None = Field(None, description="of the picture, in pixels")


class Entity(EventData):
    """One file of a run. `stage` is '' and `take` is 0 for what the run begins with."""

    KIND: ClassVar[str] = "entity"

    number: int = Field(description="the number that the file name begins with; the order of a run's files")
    type: str = Field(description="the kind of file: `config`, `input`, the stage's name, `output_audio`, `stem`, ...")
    media: Medium = Field(description="`file` if it is neither sound, video nor picture")
    stage: str = Field(description="the stage that made it")
    take: int = Field(description="the take that made it, from 1; 0 if it belongs to the whole stage")
    name: str = Field("", description="tells files of the same role apart")
    role: str = Field(description="`main`, `take` (the main file of a further take), `format`, `stem`, `data`, ...")
    filename: str
    bytes: int = Field(description="size of the file, tags included")
    sha256: str = Field(description="of the file, tags included; 64 hex digits")
    mime: str
    facts: MediaFacts | None = Field(None, description="facts from decoding; missing for texts and graphs")
    replaces: str = Field("", description="the name that the file had before it got the number 07")
    collected: str | None = Field(None, description="the way on which it came from its backend")

    @property
    def is_main(self) -> bool:
        """This is the main file of its take."""
        return self.role in ("main", "take")


def text_entity(filename: str, content: bytes, *, number: int, type: str, stage: str = "", take: int = 0) -> Entity:  # noqa: A002 - the field's name
    """Return the entity of a text or JSON file that the server wrote itself."""
    return Entity(
        number=number,
        type=type,
        media="file",
        stage=stage,
        take=take,
        name="",
        role="data",
        filename=filename,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mime="application/json" if filename.endswith(".json") else "text/plain; charset=utf-8",
    )
