"""Definitions of an imported graph as their files hold them; fields are written in the order in which they are set."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from schemas.model import Media, Role
from schemas.values import ParameterType

Scalar = str | int | float


class TextDocument(TypedDict):
    en: str
    de: str


class ParameterDocument(TypedDict):
    type: ParameterType
    unit: NotRequired[str]
    min: NotRequired[float]
    max: NotRequired[float]
    step: NotRequired[float]
    choices: NotRequired[list[Scalar]]
    default: NotRequired[Scalar]
    description: NotRequired[TextDocument]
    sets: NotRequired[list[str]]


class ModelDocument(TypedDict):
    node: str
    input: str
    file: str
    folder: str


class SilenceRule(TypedDict):
    silence: Literal["refuse", "allow"]


class OutputDocument(TypedDict):
    node: str
    media: Media
    format: str
    role: Role
    name: NotRequired[str]
    verify: NotRequired[SilenceRule]
    key: NotRequired[str]
    optional: NotRequired[bool]


class ChunkDocument(TypedDict):
    kind: Literal["graph"]
    description: TextDocument
    graph: str
    table: NotRequired[str]
    parameters: NotRequired[dict[str, ParameterDocument]]
    models: NotRequired[list[ModelDocument]]
    outputs: NotRequired[list[OutputDocument]]


class ConfigDocument(TypedDict):
    label: TextDocument
    description: TextDocument
    pipeline: str
    chunk: str
    values: dict[str, str]
    run_timeout_s: int


class ImportedDefinition(TypedDict):
    """The result of an import, for an answer and for the command line; `files` holds each file's text by its place."""

    name: str
    form: str
    parameters: dict[str, ParameterType]
    models: list[ModelDocument]
    outputs: list[OutputDocument]
    warnings: list[str]
    files: dict[str, str]
