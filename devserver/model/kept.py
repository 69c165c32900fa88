"""The base of everything that a run leaves behind: frozen, and JSON again exactly as it was read."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Kept(BaseModel):
    """Something that the journal and the records keep as JSON.

    A field that was never set is not written, and a field of another version is kept: reading and writing change
    nothing. So a class may get new fields with a default, and old journals stay readable.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    def as_json(self) -> dict[str, object]:
        """Return what was set, as the journal and the records have it."""
        return self.model_dump(exclude_unset=True, by_alias=True)


class EventData(Kept):
    """The data of an event; its class stands for the kind."""

    KIND: ClassVar[str] = ""

    @property
    def event_kind(self) -> str:
        return self.KIND
