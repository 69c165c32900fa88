"""The `formats` of a request: which one the main file itself is saved as, and which are made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from devserver.errors import InputError
from devserver.model.plan import MediaStage, Option, OutputPlan
from schemas.catalog import CONVERT, LOSSLESS, Catalog
from schemas.compiler import resolve
from schemas.model import GraphChunk
from schemas.pipeline import Reference
from schemas.values import to_json

SOUND: Final = "audio"
FORMAT: Final = "format"
RUN_TIMEOUT_S: Final = 600.0
NO_FILE: Final = {"sha256": "0" * 64, "ext": "flac"}  # in the place of a file that is made later


def main_format(chunk: GraphChunk, wanted: Mapping[str, object], formats: Sequence[str]) -> dict[str, str]:
    """Return the value of the parameter that chooses the main file's format, where `formats` decides it.

    One format is what the file is saved as. For several it is saved without loss: as the first of them that has none,
    else as FLAC. What the request says of the parameter itself is stronger.
    """
    name = chunk.main.format_parameter if chunk.main else None
    if chunk.main is None or name is None or wanted.get(name) is not None or not formats:
        return {}
    offered = chunk.formats(chunk.main)
    if len(set(formats)) == 1:
        return {name: formats[0]} if formats[0] in offered else {}
    lossless = [kind for kind in (*formats, *LOSSLESS) if kind in LOSSLESS and kind in offered]
    return {name: lossless[0]} if lossless else {}


def formats_to_convert(
    chunk: GraphChunk, config: str, values: Mapping[str, object], formats: Sequence[str], allowed: Sequence[str]
) -> list[str]:
    """Return the formats that are made from the main file; `values` are the resolved ones of the first take.

    Raises:
        InputError: a format that nobody makes, or one that would be made from a file with losses; it names those that
            are allowed.
    """
    main = chunk.main
    if main is None or main.media != "audio":
        return []
    saved = str(values[main.format_parameter]) if main.format_parameter else main.format
    for name in formats:
        if name not in allowed:
            raise InputError("format_not_made", field="formats", value=name, allowed=list(allowed), what=str(config))
    rest = [name for name in dict.fromkeys(formats) if name != saved]
    if rest and saved not in LOSSLESS:
        raise InputError(
            "format_from_lossy", field="formats", value=rest[0], allowed=[saved], name=str(config), saved=saved
        )
    return rest


def check_others(chunks: Sequence[GraphChunk], label: str, formats: Sequence[str]) -> None:
    """Refuse `formats` that no chunk saves, where none makes a sound."""
    if any(chunk.main and chunk.main.media == "audio" for chunk in chunks):
        return
    own = [name for chunk in chunks if chunk.main for name in chunk.formats(chunk.main)]
    for name in formats:
        if name not in own:
            raise InputError("format_not_made", field="formats", value=name, allowed=own, what=label)


def conversion(catalog: Catalog, source: MediaStage, name: str) -> MediaStage:
    """Plan a stage that converts every take of another one to a format."""
    chunk = catalog.graph_chunk(CONVERT)
    values = to_json(resolve(chunk, None, {SOUND: NO_FILE, FORMAT: name}, lambda: 0))
    del values[SOUND]  # known once the other stage has ended
    takes = (values,) * len(source.output.options[0].takes)
    option = Option(config=CONVERT, chunk=chunk, graph=catalog.graph(chunk.graph), takes=takes, at_home=True)
    plan = OutputPlan(
        config=CONVERT,
        options=(option,),
        fallback=False,
        run_timeout_s=RUN_TIMEOUT_S,
        number=source.output.number,
        asked=False,
    )
    inputs = {SOUND: Reference(stage=source.name, role="main")}
    return MediaStage(name=f"{source.name}_{name}", kind="graph", inputs=inputs, output=plan)


def convertible(catalog: Catalog) -> list[str]:
    """Return the formats that a file without loss is converted to here."""
    chunk = catalog.chunks.get(CONVERT)
    return [str(choice) for choice in chunk.parameters[FORMAT].choices] if isinstance(chunk, GraphChunk) else []
