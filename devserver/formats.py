"""The `formats` of a request: which one the main file itself is saved as, and which are made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from devserver.errors import InputError
from devserver.plan import Option, OutputPlan, StagePlan
from schemas.catalog import CONVERT, LOSSLESS, Catalog
from schemas.compiler import resolve
from schemas.model import GraphChunk, OutputConfig
from schemas.values import to_json

SOUND: Final = "audio"
FORMAT: Final = "format"
RUN_TIMEOUT_S: Final = 600.0
NO_FILE: Final = {"sha256": "0" * 64, "ext": "flac"}


def saved_as(chunk: GraphChunk, wanted: Mapping[str, object], formats: Sequence[str]) -> dict[str, str]:
    """The value of the parameter that chooses the main file's format, where `formats` decides it.

    One format is what the file is saved as. For several it is saved without loss: as the first of them that has none,
    else as FLAC. What the request says of the parameter itself is stronger.
    """
    name = chunk.main.format_parameter if chunk.main else None
    if chunk.main is None or name is None or wanted.get(name) is not None or not formats:
        return {}
    offered = chunk.formats(chunk.main)
    if len(set(formats)) == 1:
        return {name: formats[0]} if formats[0] in offered else {}
    lossless = [one for one in (*formats, *LOSSLESS) if one in LOSSLESS and one in offered]
    return {name: lossless[0]} if lossless else {}


def further(
    chunk: GraphChunk, config: OutputConfig, values: Mapping[str, object], formats: Sequence[str], catalog: Catalog
) -> list[str]:
    """The formats that are made from the main file; `values` are the resolved ones of the first take.

    Raises:
        InputError: a format that nobody makes, or one that would be made from a file with losses; it names those that
            are allowed.
    """
    main = chunk.main
    if main is None or main.media != "audio":
        return []
    saved = str(values[main.format_parameter]) if main.format_parameter else main.format
    allowed = catalog.formats_of(config.name)
    for name in formats:
        if name not in allowed:
            raise _refused(config, name, allowed)
    rest = [name for name in dict.fromkeys(formats) if name != saved]
    if rest and saved not in LOSSLESS:
        message = f"{config.name} saves {saved}; from a file with losses no good {rest[0]} is made."
        raise InputError(message, field="formats", value=rest[0], allowed=[saved])
    return rest


def check_others(configs: Sequence[OutputConfig], formats: Sequence[str], catalog: Catalog) -> None:
    """Where no output is a sound, `formats` can only name what an output is saved as anyway."""
    outputs = [(config, catalog.chunk_of(config.name)) for config in configs]
    if any(chunk.main and chunk.main.media == "audio" for _, chunk in outputs):
        return
    own = [name for _, chunk in outputs if chunk.main for name in chunk.formats(chunk.main)]
    for name in formats:
        if name not in own:
            what = configs[0].name if configs else "The pipeline"
            raise InputError(f"{what} does not make {name}.", field="formats", value=name, allowed=own)


def conversions(catalog: Catalog, source: StagePlan, formats: Sequence[str]) -> Iterator[StagePlan]:
    """A stage for each format, which converts every take of another stage."""
    takes = len(source.output.options[0].takes) if source.output else 0
    for name in formats:
        chunk = catalog.graph_chunk(CONVERT)
        values = to_json(resolve(chunk, None, {SOUND: NO_FILE, FORMAT: name}, lambda: 0))
        del values[SOUND]  # known once the other stage has ended
        option = Option(
            config=CONVERT, chunk=chunk, graph=catalog.graph(chunk.graph), takes=(values,) * takes, at_home=True
        )
        plan = OutputPlan(config=CONVERT, options=(option,), fallback=False, run_timeout_s=RUN_TIMEOUT_S)
        yield StagePlan(name=f"{source.name}_{name}", kind="graph", output=plan, source=source.name)


def made_by_us(catalog: Catalog) -> list[str]:
    """The formats that a file without loss is converted to here."""
    chunk = catalog.chunks.get(CONVERT)
    return [str(choice) for choice in chunk.parameters[FORMAT].choices] if isinstance(chunk, GraphChunk) else []


def _refused(config: OutputConfig, name: str, allowed: Sequence[str]) -> InputError:
    return InputError(f"{config.name} does not make {name}.", field="formats", value=name, allowed=list(allowed))
