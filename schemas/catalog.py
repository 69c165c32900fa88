"""The definitions of a server: immutable, by name, and stored with every run that uses them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypedDict, TypeVar

from schemas.errors import UnknownName
from schemas.graph import Graph
from schemas.json_values import JsonObject
from schemas.lexicon import Lexicon
from schemas.model import Chunk, GraphChunk, InterceptionConfig, OutputConfig, TermList, TextChunk
from schemas.pipeline import Pipeline
from schemas.sources import Source

T = TypeVar("T")
CONVERT: Final = "convert"  # the chunk that makes other formats of a sound
LOSSLESS: Final = ("flac", "wav")


class RecordedDefinition(TypedDict):
    """A definition as it is stored with a run that uses it."""

    kind: str
    name: str
    file: str
    sha256: str
    content: JsonObject


@dataclass(frozen=True)
class Catalog:
    """All definitions by name, and by (kind, name) the file that each was read from.

    Kinds are chunk, pipeline, interception, output, graph and terms. `broken` has the reason for each definition
    that is left out.
    """

    chunks: Mapping[str, Chunk]
    pipelines: Mapping[str, Pipeline]
    interceptions: Mapping[str, InterceptionConfig]
    outputs: Mapping[str, OutputConfig]
    graphs: Mapping[str, Graph]
    terms: Mapping[str, TermList]
    sources: Mapping[tuple[str, str], Source]
    broken: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def lexicon(self) -> Lexicon:
        """Return the lexicon of the term lists."""
        return Lexicon(self.terms.values())

    def chunk(self, name: str) -> Chunk:
        """Return the chunk of that name, of either kind; UnknownName if there is none."""
        return self._find("chunk", "chunk", name, self.chunks)

    def graph_chunk(self, name: str) -> GraphChunk:
        """Return the graph chunk of that name; UnknownName if there is none."""
        return self._find(
            "graph chunk", "chunk", name, {key: c for key, c in self.chunks.items() if isinstance(c, GraphChunk)}
        )

    def text_chunk(self, name: str) -> TextChunk:
        """Return the text chunk of that name; UnknownName if there is none."""
        return self._find(
            "text chunk", "chunk", name, {key: c for key, c in self.chunks.items() if isinstance(c, TextChunk)}
        )

    def pipeline(self, name: str) -> Pipeline:
        """Return the pipeline of that name; UnknownName if there is none."""
        return self._find("pipeline", "pipeline", name, self.pipelines)

    def interception(self, name: str) -> InterceptionConfig:
        """Return the interception config (a request's `schema`) of that name; UnknownName if there is none."""
        return self._find("schema", "interception", name, self.interceptions)

    def output(self, name: str) -> OutputConfig:
        """Return the output config of that name; UnknownName if there is none."""
        return self._find("output_config", "output", name, self.outputs)

    def graph(self, name: str) -> Graph:
        """Return a copy of the graph of that name; UnknownName if there is none."""
        return copy.deepcopy(self._find("graph", "graph", name, self.graphs))

    def chunk_of(self, output: str) -> GraphChunk:
        """Return the chunk that makes an output config's media."""
        return self.graph_chunk(self.output(output).chunk)

    def variants_of(self, output: str) -> tuple[GraphChunk, ...]:
        """Return the chunks that can make an output config's media: its own, then its variants."""
        config = self.output(output)
        return tuple(self.graph_chunk(name) for name in (config.chunk, *config.variants))

    def formats_of(self, output: str) -> tuple[str, ...]:
        """Return every format that a request may ask of an output: its own first, then what it is converted to."""
        return self.formats_of_chunk(self.chunk_of(output))

    def formats_of_chunk(self, chunk: GraphChunk) -> tuple[str, ...]:
        """Return the same of what a chunk makes. Only a sound that is saved without loss is converted."""
        own = chunk.formats(chunk.main) if chunk.main else ()
        convert = self.chunks.get(CONVERT)
        if chunk.main is None or chunk.main.media != "audio" or not set(own) & set(LOSSLESS):
            return own
        made = convert.formats(convert.outputs[0]) if isinstance(convert, GraphChunk) else ()
        return tuple(dict.fromkeys((*own, *made)))

    def fallbacks(self, output: str) -> tuple[OutputConfig, ...]:
        """Return the output config and what it falls back to, in order, up to a fallback that is left out as broken.

        The loader has made sure that this ends.
        """
        chain = [self.output(output)]
        while chain[-1].fallback and ("output", chain[-1].fallback) not in self.broken:
            chain.append(self.output(chain[-1].fallback))
        return tuple(chain)

    def snapshot(
        self, pipeline: str, interception: str, outputs: tuple[str, ...], further: tuple[str, ...] = ()
    ) -> list[RecordedDefinition]:
        """Return every definition that a run can use; fallbacks included.

        `further` are chunks that it uses besides those of its pipeline and outputs.
        """
        configs = {config.name: config for name in outputs for config in self.fallbacks(name)}
        chunks = {stage.chunk for stage in self.pipeline(pipeline).stages if stage.chunk in self.chunks}
        chunks |= {*further}
        chunks |= {name for config in configs.values() for name in (config.chunk, *config.variants)}
        graphs = {chunk.graph for name in chunks if isinstance(chunk := self.chunks[name], GraphChunk)}
        pipelines = {pipeline} | {config.pipeline for config in configs.values()}
        keys = [("interception", interception)]
        for kind, names in (("pipeline", pipelines), ("output", set(configs)), ("chunk", chunks), ("graph", graphs)):
            keys += [(kind, name) for name in sorted(names)]
        return [_entry(self.sources[key]) for key in keys]  # shared with the catalog: nobody changes it

    def _find(self, shown: str, kind: str, name: str, known: Mapping[str, T]) -> T:
        try:
            return known[name]
        except (KeyError, TypeError) as e:
            raise UnknownName(shown, name, known, self.broken.get((kind, str(name)), "")) from e


def _entry(source: Source) -> RecordedDefinition:
    return {
        "kind": source.kind,
        "name": source.name,
        "file": source.file,
        "sha256": source.sha256,
        "content": source.content,
    }
