"""What the server and the process that imports a graph tell each other: one line of JSON each way."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from schemas.importing.written import ImportedDefinition
from schemas.json_values import JsonObject
from schemas.node_table import TrimmedClass


class ImportJob(TypedDict):
    """A graph, or a file that holds one under its own name; `live` are the classes of a backend."""

    name: str
    origin: str
    folders: list[str]
    graph: JsonObject | None
    path: str | None
    filename: str | None
    live: dict[str, TrimmedClass] | None


class Excess(TypedDict):
    """Which limit is exceeded, by its unit, and by what value."""

    unit: str
    most: int
    value: int


class Refusal(TypedDict):
    """Why a graph was refused; the fields are those of `ImportRefused`."""

    message: str
    problems: NotRequired[list[str]]
    absent: NotRequired[list[str]]
    no_graph: NotRequired[bool]
    excess: NotRequired[Excess]


class ImportReply(TypedDict):
    """What was made, or why it was refused."""

    made: NotRequired[ImportedDefinition]
    refused: NotRequired[Refusal]
