"""The plan of a graph stage: every way to make what is asked for, with the values of each take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from devserver.briefs.briefing import Briefing, Formats, apply_brief, extra_formats, parameter_values
from devserver.errors import InputError
from devserver.files.inputs import InputFile
from devserver.model.plan import InputRemark, MediaStage, Option, OutputPlan
from devserver.model.request import SEED_LIMIT
from devserver.stages.graph.formats import (
    NO_FILE,
    check_others,
    conversion,
    convertible,
    formats_to_convert,
    main_format,
)
from devserver.stages.kind import Planning, Step
from schemas.compiler import resolve_values
from schemas.errors import ParameterError
from schemas.file_inputs import accepted_media
from schemas.json_values import Json
from schemas.model import OUTPUT_CHUNK, GraphChunk, OutputConfig
from schemas.pipeline import Reference, Stage
from schemas.values import RecordedValue, is_random, to_json

STAGE_TIMEOUT_S: Final = 600.0  # of a take of a stage with a chunk of its own, where no output config allows more


def plan_graph(stage: Stage, planning: Planning) -> Iterator[Step]:
    """Plan a graph stage once for each output that it is run for, and the conversions of what it makes.

    Raises:
        InputError: a value or a format that is not allowed.
    """
    planned = [_Planner(stage, planning, number).plan() for number in planning.numbers_of(stage)]
    yield tuple(planned)
    if stage.name == product_of(planning):
        more = [made for source in planned for made in _conversions(source, planning)]
        if more:
            yield tuple(more)


def product_of(planning: Planning) -> str:
    """Return the stage that makes what the request's `formats` are about."""
    pipeline = planning.pipeline
    return next(iter(pipeline.main), pipeline.output_stage.name if pipeline.output_stage else "")


def check_formats(planning: Planning) -> None:
    """Refuse formats that nothing makes where the product is no sound.

    Raises:
        InputError: names the formats that there are.
    """
    catalog, pipeline = planning.catalog, planning.pipeline
    product = next((stage for stage in pipeline.stages if stage.name == product_of(planning)), None)
    if product is None or product.chunk == OUTPUT_CHUNK:
        chunks = [catalog.chunk_of(config.name) for config in planning.configs]
    else:
        chunks = [catalog.graph_chunk(product.chunk)]
    label = planning.configs[0].name if planning.configs else f"The pipeline {pipeline.name}"
    check_others(chunks, label, planning.request.formats)


def _conversions(source: MediaStage, planning: Planning) -> Iterator[MediaStage]:
    """Plan a stage for each further format of what one stage makes."""
    asked, request = source.output.options[0], planning.request
    said = asked.brief if source.output.asked else ()
    wanted = request.formats or extra_formats(said) or _said_formats(source, planning)
    allowed = planning.catalog.formats_of_chunk(asked.chunk)
    for name in formats_to_convert(asked.chunk, source.output.config, asked.takes[0], wanted, allowed):
        yield conversion(planning.catalog, source, name)


def _said_formats(source: MediaStage, planning: Planning) -> list[str]:
    """Return the format that the words ask for, where another stage than the described one makes the product."""
    briefing = planning.briefings[source.output.number - 1] if planning.briefings else None
    said = None if source.output.asked or briefing is None else briefing.value("format")
    return [said] if said in planning.catalog.formats_of_chunk(source.output.options[0].chunk) else []


@dataclass(frozen=True)
class _Planner:
    """One graph stage for one of the outputs of a request."""

    stage: Stage
    planning: Planning
    number: int

    def plan(self) -> MediaStage:
        runs_config = self.stage.chunk == OUTPUT_CHUNK
        return MediaStage(
            name=self.planning.name_of(self.stage.name, self.number),
            kind=self.stage.kind,
            inputs=self.inputs,
            output=self._of_config() if runs_config else self._of_own_chunk(),
        )

    @property
    def inputs(self) -> dict[str, Reference]:
        return self.planning.inputs_of(self.stage, self.number)

    @property
    def params(self) -> dict[str, Any]:
        """The values that the request gives to this stage alone."""
        return self.planning.params_of(self.planning.name_of(self.stage.name, self.number))

    def _field_of(self, parameter: str) -> str:
        """Return the field of the request that gives a parameter its value."""
        own = f"{self.planning.name_of(self.stage.name, self.number)}." if parameter in self.params else ""
        return f"params.{own}{parameter}"

    @property
    def is_product(self) -> bool:
        return self.stage.name == product_of(self.planning)

    def _seeds(self, said: int | None = None) -> list[int]:
        """Return the seed of each take; there are as many as a stage that it reads from has, where that has several."""
        sources = [self.planning.planned(reference.stage) for reference in self.inputs.values()]
        counts = [len(source.output.options[0].takes) for source in sources if isinstance(source, MediaStage)]
        several = max((count for count in counts if count > 1), default=None)
        takes = several or said or self.stage.takes or 1
        return [(self.planning.seed + take) % (SEED_LIMIT + 1) for take in range(takes)]

    def _of_own_chunk(self) -> OutputPlan:
        planning, chunk = self.planning, self.planning.catalog.graph_chunk(self.stage.chunk)
        wanted, sent = self._files_of(chunk, self.params)
        if self.is_product:
            wanted |= main_format(chunk, wanted, planning.request.formats)
        config = planning.configs[self.number - 1] if planning.configs else None
        first = planning.pipeline.output_stage is None and not any(
            isinstance(stage, MediaStage) for step in planning.steps for stage in step
        )
        option = Option(
            config=chunk.name,
            chunk=chunk,
            graph=planning.catalog.graph(chunk.graph),
            takes=tuple(self._resolve_values(chunk, self.stage.values, wanted, seed) for seed in self._seeds()),
            inputs=_remarks(sent),
        )
        return OutputPlan(
            config=chunk.name,
            options=(option,),
            fallback=False,
            run_timeout_s=max(STAGE_TIMEOUT_S, config.run_timeout_s if config else 0.0),
            number=self.number,
            asked=first,
        )

    def _of_config(self) -> OutputPlan:
        """Plan the asked config and its fallbacks with their variants."""
        planning, config = self.planning, self.planning.configs[self.number - 1]
        catalog, briefing = planning.catalog, planning.briefings[self.number - 1]
        ways = [(way, chunk) for way in catalog.fallbacks(config.name) for chunk in catalog.variants_of(way.name)]
        fitting = [(way, chunk) for way, chunk in ways if self.inputs.keys() <= chunk.parameters.keys()]
        if not fitting or fitting[0] != ways[0]:
            lacks = sorted(self.inputs.keys() - ways[0][1].parameters.keys())
            raise InputError(
                "pipeline_lacks_input",
                field="output_config",
                value=config.name,
                inputs=", ".join(lacks),
                pipeline=planning.pipeline.name,
                lacks=lacks[0],
            )
        options: list[Option] = []
        for way, chunk in fitting:
            options.append(self._option(way, chunk, briefing, is_first=not options))
        return OutputPlan(
            config=config.name,
            options=tuple(options),
            fallback=planning.request.falls_back,
            run_timeout_s=config.run_timeout_s,
            brief=briefing.as_json() if briefing else None,
            number=self.number,
        )

    def _option(self, config: OutputConfig, chunk: GraphChunk, briefing: Briefing | None, *, is_first: bool) -> Option:
        request, catalog = self.planning.request, self.planning.catalog
        wanted = {**self.planning.plain_params, **self.params}
        asked, sent = self._files_of(chunk, {name: value for name, value in wanted.items() if name in chunk.parameters})
        if not is_first:
            asked = _keep_allowed(chunk, asked)
        formats = Formats(request.formats, convertible(catalog))
        brief = apply_brief(briefing, chunk, config, wanted, formats) if briefing else ()
        if not self.is_product:  # the words and the request ask for the format of another stage's file
            brief = tuple(entry for entry in brief if entry.field != "format")
        said = parameter_values(brief) | (main_format(chunk, wanted, request.formats) if self.is_product else {})
        values = config.values_with(request.preset)
        return Option(
            config=config.name,
            chunk=chunk,
            graph=catalog.graph(chunk.graph),
            takes=tuple(
                self._resolve_values(chunk, values, {**asked, **said}, seed)
                for seed in self._seeds(briefing.takes if briefing else None)
            ),
            left_out=tuple(sorted(set(wanted) - set(asked))),
            preset=request.preset or "" if request.preset in config.presets else "",
            brief=brief,
            inputs=_remarks(sent),
        )

    def _files_of(self, chunk: GraphChunk, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, InputFile]]:
        """Return the wanted values with each file by its content, and what is known of these files."""
        sent = {}
        for name, value in wanted.items():
            parameter = chunk.parameters[name]
            if parameter.type == "file":
                media = accepted_media(parameter, self.planning.catalog.graphs[chunk.graph])
                sent[name] = self.planning.files.resolve(self._field_of(name), value, media)
        return {**wanted, **{name: file.stored for name, file in sent.items()}}, sent

    def _resolve_values(
        self, chunk: GraphChunk, configured: Mapping[str, Json], asked: Mapping[str, Any], seed: int
    ) -> dict[str, RecordedValue]:
        """Return the value of every parameter but those that are read from earlier stages."""
        later = {name: NO_FILE if chunk.parameters[name].type == "file" else "" for name in self.inputs}
        try:
            values = to_json(resolve_values(chunk, configured, {**asked, **later}, lambda: seed))
        except ParameterError as e:
            raise InputError(
                "parameter_refused",
                field=self._field_of(e.field),
                value=e.value,
                allowed=e.allowed,
                limits=chunk.parameters[e.field].rule.limits if e.field in chunk.parameters else None,
                problem=str(e),
            ) from e
        return {name: value for name, value in values.items() if name not in later}


def _remarks(sent: Mapping[str, InputFile]) -> tuple[InputRemark, ...]:
    return tuple(
        InputRemark(parameter=name, code=code, message=message)
        for name, file in sent.items()
        for code, message in file.warnings
    )


def _keep_allowed(chunk: GraphChunk, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the values that the asked config takes those that a fallback takes too."""
    kept = {}
    for name, value in asked.items():
        parameter = chunk.parameters[name]
        with suppress(ParameterError):
            if not (parameter.type == "seed" and is_random(value)):
                parameter.read(value)
            kept[name] = value
    return kept
