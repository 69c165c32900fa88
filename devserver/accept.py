"""From a request to an accepted run: checked against the definitions, everything resolved, a snapshot kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from devserver.briefing import Briefing, Formats, applied, briefing, further_formats, given, locked_values
from devserver.errors import InputError, refused_field
from devserver.files import InputFile, InputFiles
from devserver.formats import check_others, conversions, further, made_by_us, saved_as
from devserver.plan import Definition, InputRemark, Option, OutputPlan, Plan, StagePlan
from schemas.catalog import CONVERT, Catalog
from schemas.compiler import resolve
from schemas.errors import ParameterError, UnknownName
from schemas.file_inputs import accepts
from schemas.model import OUTPUT_CHUNK, GraphChunk, InterceptionConfig, Level, OutputConfig, Pipeline, TextChunk
from schemas.rules import graph_stage_findings
from schemas.values import RecordedValue, is_random, to_json

DEFAULT_PIPELINE: Final = "text_to_audio"
SEED_LIMIT: Final = 2**32 - 1
TITLE_LENGTH: Final = 60
MOST_AT_ONCE: Final = 16  # outputs, and formats, that one request may ask for
TEXT_NUMBERS: Final = {"safety_input": 3, "interception": 4, "safety_output": 5}

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
        description="File formats; default what the config makes. Several are made from a file without loss.",
    )
    wait: bool = Field(True, description="False: answer 202 with links at once.")
    wait_timeout_s: float = Field(600.0, ge=0, le=86_400, description="How long to wait before answering 202.")
    brief: bool | dict[str, object] = Field(
        True,
        description="What the words say of length, tempo, key, takes and format is used where the request leaves it "
        "open; false: nothing is. An object holds fields of the brief that stay, whatever the words say.",
    )
    enable_streaming: bool = Field(False, description="Answer with the run's events as they happen (SSE).")

    @field_validator("input_text")
    @classmethod
    def _has_text(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        value.encode()  # a lone surrogate cannot be stored or sent on
        return value

    @field_validator("seed")
    @classmethod
    def _seed_in_range(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and not -1 <= value <= SEED_LIMIT:
            raise ValueError(f"must be -1 or from 0 to {SEED_LIMIT}")
        return value

    @field_validator("output_config")
    @classmethod
    def _has_output(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > MOST_AT_ONCE:
            raise ValueError(f"a request has at most {MOST_AT_ONCE} outputs")
        if isinstance(value, list) and (not value or len(set(value)) != len(value)):
            raise ValueError("must name at least one output config, and each one once")
        return value


def parse_request(body: object) -> ExecuteRequest:
    """Raises InputError naming the first wrong field, its value and what is allowed."""
    if not isinstance(body, dict):
        raise InputError("The body must be a JSON object.", status=400, value=type(body).__name__, allowed="object")
    try:
        return ExecuteRequest.model_validate(body)
    except ValidationError as e:
        raise refused_field(e, ExecuteRequest, missing_status=400) from e


def make_plan(
    request: ExecuteRequest,
    received: dict[str, object],
    catalog: Catalog,
    files: InputFiles,
    *,
    run_id: str,
    user_id: str,
    created_at: str,
) -> Plan:
    """Resolve a request against the definitions.

    Raises:
        InputError: an unknown name (404), or a parameter, value or format that is not allowed (422).
    """
    try:
        pipeline, interception, configs = _asked(request, catalog)
    except UnknownName as e:
        raise InputError(str(e), status=404, field=e.kind, value=e.name, allowed=e.known) from e
    check_graph_stages(pipeline)
    read = [_briefing(request, pipeline, config, place, catalog) for place, config in enumerate(configs)]
    seed = _seed(request, read)
    _check_preset(request, configs)
    _check_params(request, pipeline, configs, catalog)
    check_others(configs, request.formats, catalog)
    steps = tuple(_steps(request, pipeline, configs, read, catalog, files=files, seed=seed))
    converts = (CONVERT,) if any(stage.source for step in steps for stage in step) else ()
    names = tuple(config.name for config in configs)
    definitions = catalog.snapshot(pipeline.name, interception.name, names, converts)
    return Plan(
        run_id=run_id,
        user_id=user_id,
        created_at=created_at,
        title=make_title(request.input_text),
        request=received,
        schema_=interception.name,
        pipeline=pipeline.name,
        input_text=request.input_text,
        interception=interception,
        safety_level=request.safety_level,
        execution_mode=request.execution_mode,
        preset=request.preset,
        seed=seed,
        priority=request.priority,
        steps=steps,
        numbers=_numbers([stage for step in steps for stage in step]),
        definitions=tuple(Definition.model_validate(definition) for definition in definitions),
    )


def check_graph_stages(pipeline: Pipeline) -> None:
    """Refuse a pipeline with graph stages that cannot be run; such definitions may come from an older version.

    Raises:
        InputError: with the first reason.
    """
    for _, reason in graph_stage_findings(pipeline):
        message = f"The pipeline {pipeline.name} cannot be run: {reason}."
        allowed = f"a pipeline with one graph stage, whose chunk is {OUTPUT_CHUNK}"
        raise InputError(message, field="pipeline", value=pipeline.name, allowed=allowed)


def make_title(text: str) -> str:
    """The first words of the input, at most 60 characters."""
    words = " ".join(text.replace("\0", " ").split())  # PostgreSQL keeps no zero bytes
    return words if len(words) <= TITLE_LENGTH else words[:TITLE_LENGTH].rsplit(" ", 1)[0] + " …"


def _asked(request: ExecuteRequest, catalog: Catalog) -> tuple[Pipeline, InterceptionConfig, list[OutputConfig]]:
    """The definitions that a request names, or that its output config and pipeline bring along."""
    wanted = request.output_config or []
    configs = [catalog.output(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
    pipeline = catalog.pipeline(request.pipeline or (configs[0].pipeline if configs else DEFAULT_PIPELINE))
    if not pipeline.makes_media and configs:
        message = f"{pipeline.name} makes a text and no media."
        raise InputError(message, field="output_config", value=wanted, allowed="none with this pipeline")
    if pipeline.defaults.output_config:
        configs = configs or [catalog.output(pipeline.defaults.output_config)]
    return pipeline, catalog.interception(request.schema_ or pipeline.defaults.interception), configs


def _briefing(
    request: ExecuteRequest, pipeline: Pipeline, config: OutputConfig, place: int, catalog: Catalog
) -> Briefing | None:
    values = locked_values(request.brief)
    if request.brief is False:
        return None
    main = next((stage.name for stage in pipeline.stages if stage.kind == "graph"), "")
    wanted = _requested(request, main if place == 0 else f"{main}_{place + 1}")
    return briefing(catalog.chunk_of(config.name), config, wanted, request.input_text, values)


def _seed(request: ExecuteRequest, read: list[Briefing | None]) -> int:
    if isinstance(request.seed, int) and request.seed >= 0:
        return request.seed
    said = next((found.seed for found in read if found and found.seed is not None), None)
    return said if request.seed is None and said is not None else secrets.randbelow(SEED_LIMIT + 1)


def _steps(
    request: ExecuteRequest,
    pipeline: Pipeline,
    configs: list[OutputConfig],
    read: list[Briefing | None],
    catalog: Catalog,
    *,
    files: InputFiles,
    seed: int,
) -> Iterator[tuple[StagePlan, ...]]:
    for stage in pipeline.stages:
        if stage.kind == "text":
            chunk = catalog.text_chunk(stage.chunk)
            yield (StagePlan(name=stage.name, kind="text", text=chunk, skip=_skip(chunk, request, configs)),)
            continue
        side_by_side = []
        for index, config in enumerate(configs):
            name = stage.name if index == 0 else f"{stage.name}_{index + 1}"
            found = read[index]
            takes = found.takes if found and found.takes else stage.takes
            seeds = [(seed + take) % (SEED_LIMIT + 1) for take in range(takes)]
            wanted = _requested(request, name)
            output = _output(request, config, catalog, files, wanted=wanted, seeds=seeds, found=found)
            side_by_side.append(StagePlan(name=name, kind="graph", output=output))
        yield tuple(side_by_side)
        more = [
            _conversions(request, made, config, catalog) for made, config in zip(side_by_side, configs, strict=True)
        ]
        if any(more):
            yield tuple(stage for stages in more for stage in stages)


def _conversions(request: ExecuteRequest, source: StagePlan, config: OutputConfig, catalog: Catalog) -> list[StagePlan]:
    """The stages that make further formats of what one stage makes."""
    if source.output is None:
        raise TypeError(f"{source.name} makes no media")
    asked = source.output.options[0]
    wanted = further(asked.chunk, config, asked.takes[0], request.formats or further_formats(asked.brief), catalog)
    return list(conversions(catalog, source, wanted))


def _skip(chunk: TextChunk, request: ExecuteRequest, configs: list[OutputConfig]) -> str:
    """Why a text stage has nothing to do in this run; '' where it has."""
    if chunk.step == "safety" and request.safety_level == "off":
        return "safety_level is off"
    if chunk.step == "translation" and all(config.wants != "en" for config in configs):
        return "no chosen output wants English"
    return ""


def _output(
    request: ExecuteRequest,
    config: OutputConfig,
    catalog: Catalog,
    files: InputFiles,
    *,
    wanted: dict[str, object],
    seeds: list[int],
    found: Briefing | None,
) -> OutputPlan:
    """The asked config and its fallbacks with their variants, each with every parameter of every take resolved."""
    ways = [(way, chunk) for way in catalog.fallbacks(config.name) for chunk in catalog.variants_of(way.name)]
    options: list[Option] = []
    formats = Formats(request.formats, made_by_us(catalog))
    for current, chunk in ways:
        known = {name: value for name, value in wanted.items() if name in chunk.parameters}
        sent = {name: _file(files, catalog, chunk, name, known[name]) for name in _files_among(chunk, known)}
        asked = {**known, **{name: file.stored for name, file in sent.items()}}
        if options:
            asked = _allowed(chunk, asked)
        brief = applied(found, chunk, current, wanted, formats) if found else ()
        said = given(brief) | saved_as(chunk, wanted, request.formats)
        option = Option(
            config=current.name,
            chunk=chunk,
            graph=catalog.graph(chunk.graph),
            takes=tuple(_resolved(chunk, current, {**asked, **said}, seed, request.preset) for seed in seeds),
            left_out=tuple(sorted(set(wanted) - set(asked))),
            preset=request.preset if request.preset in current.presets else "",
            brief=brief,
            inputs=tuple(
                InputRemark(parameter=name, code=code, message=message)
                for name, file in sent.items()
                for code, message in file.warnings
            ),
        )
        options.append(option)
    return OutputPlan(
        config=config.name,
        options=tuple(options),
        fallback=request.fallback,
        run_timeout_s=config.run_timeout_s,
        brief=found.as_json() if found else None,
    )


def _allowed(chunk: GraphChunk, asked: Mapping[str, object]) -> dict[str, object]:
    """Of the values that the asked config takes, those that a fallback takes too."""
    kept = {}
    for name, value in asked.items():
        parameter = chunk.parameters[name]
        with suppress(ParameterError):
            if not (parameter.type == "seed" and is_random(value)):
                parameter.read(value)
            kept[name] = value
    return kept


def _files_among(chunk: GraphChunk, asked: Mapping[str, object]) -> list[str]:
    return [name for name in asked if chunk.parameters[name].type == "file"]


def _file(files: InputFiles, catalog: Catalog, chunk: GraphChunk, name: str, value: object) -> InputFile:
    """What a `file` parameter names, by its content."""
    return files.resolve(f"params.{name}", value, accepts(chunk.parameters[name], catalog.graphs[chunk.graph]))


def _resolved(
    chunk: GraphChunk, config: OutputConfig, asked: Mapping[str, object], seed: int, preset: str | None
) -> dict[str, RecordedValue]:
    try:
        return to_json(resolve(chunk, config, asked, lambda: seed, preset))
    except ParameterError as e:
        raise InputError(str(e), field=f"params.{e.field}", value=e.value, allowed=e.allowed) from e


def _requested(request: ExecuteRequest, stage_name: str) -> dict[str, object]:
    """The values meant for one stage; `stage.parameter` is stronger than `parameter`."""
    plain = {name: value for name, value in request.params.items() if "." not in name}
    prefix = f"{stage_name}."
    own = {n.removeprefix(prefix): value for n, value in request.params.items() if n.startswith(prefix)}
    return {**plain, **own}


def _check_params(request: ExecuteRequest, pipeline: Pipeline, configs: list[OutputConfig], catalog: Catalog) -> None:
    """Every name in `params` must belong to a chunk that the request asked for."""
    graph_stages = [stage.name for stage in pipeline.stages if stage.kind == "graph"]
    allowed: set[str] = set()
    for index, config in enumerate(configs):
        for parameter in {name for chunk in catalog.variants_of(config.name) for name in chunk.parameters}:
            stages = [name if index == 0 else f"{name}_{index + 1}" for name in graph_stages]
            allowed |= {parameter, *(f"{stage}.{parameter}" for stage in stages)}
    for name, value in request.params.items():
        if name not in allowed:
            near = get_close_matches(name, allowed, 1)
            message = f"{configs[0].name if configs else pipeline.name} has no parameter {name!r}."
            hint = f"Did you mean {near[0]}?" if near else ""
            plain = sorted(known for known in allowed if "." not in known)
            raise InputError(message, field=f"params.{name}", value=value, allowed=plain, hint=hint)


def _check_preset(request: ExecuteRequest, configs: list[OutputConfig]) -> None:
    """One of the asked outputs must have the preset; where another one lacks it, the run warns."""
    allowed = list(dict.fromkeys(name for config in configs for name in config.presets))
    if request.preset is not None and request.preset not in allowed:
        message = f"There is no preset {request.preset!r}."
        raise InputError(message, field="preset", value=request.preset, allowed=allowed)


def _numbers(stages: list[StagePlan]) -> dict[str, int]:
    """Entity numbers by `stage/role`: fixed ones for texts and the main output, then one per stage and role.

    Further texts come last, so that media have the same number with and without them.
    """
    main = next((stage.name for stage in stages if stage.output), "")
    numbers, following = {f"{main}/main": 7}, 8
    for stage in sorted(stages, key=lambda stage: stage.output is None):
        roles = ["text"]
        if stage.output:
            made = [output.role for option in stage.output.options for output in option.chunk.outputs]
            roles = [role for role in ("main",) if role in made]
            roles += [*(["take"] if roles and len(stage.output.options[0].takes) > 1 else []), *made]
        elif stage.name in TEXT_NUMBERS:
            numbers[f"{stage.name}/text"] = TEXT_NUMBERS[stage.name]
            continue
        for role in dict.fromkeys(roles):
            if f"{stage.name}/{role}" not in numbers:
                numbers[f"{stage.name}/{role}"] = following
                following += 1
    return numbers
