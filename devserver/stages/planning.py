"""From a request to the plan of a run: checked against the definitions, everything resolved, a snapshot kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from devserver.briefs.briefing import Briefing, read_briefing, read_locked_values
from devserver.errors import InputError, refused_field
from devserver.files.inputs import InputFiles
from devserver.model.plan import Definition, MediaStage, Plan, StagePlan
from devserver.model.request import SEED_LIMIT, ExecuteRequest
from devserver.stages.graph.planning import check_formats
from devserver.stages.kind import Planning, StageKind
from schemas.catalog import CONVERT, Catalog
from schemas.errors import UnknownName
from schemas.model import InterceptionConfig, OutputConfig
from schemas.pipeline import Pipeline
from schemas.pipeline_rules import unrunnable_findings

DEFAULT_PIPELINE: Final = "text_to_audio"
TITLE_LENGTH: Final = 60
MAIN_NUMBER: Final = 7  # of the file that the run is for
TEXT_NUMBERS: Final = {"safety_input": 3, "interception": 4, "safety_output": 5}


def parse_request(body: object) -> ExecuteRequest:
    """Read the body of a request to start a run.

    Raises:
        InputError: names the first wrong field, its value and what is allowed.
    """
    if not isinstance(body, dict):
        raise InputError("body_no_object", status=400, value=type(body).__name__)
    try:
        return ExecuteRequest.model_validate(body)
    except ValidationError as e:
        raise refused_field(e, ExecuteRequest, missing_status=400) from e


def make_plan(
    request: ExecuteRequest,
    received: dict[str, Any],
    catalog: Catalog,
    files: InputFiles,
    kinds: Mapping[str, StageKind],
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
        pipeline, interception, configs = _find_definitions(request, catalog)
    except UnknownName as e:
        raise _refuse_name(e) from e
    check_stages(pipeline, kinds)
    read = [_read_words(request, pipeline, config, number, catalog) for number, config in enumerate(configs, 1)]
    planning = Planning(request, catalog, pipeline, configs, read, files, _choose_seed(request, read))
    _check_preset(request, configs)
    _check_params(planning, kinds)
    check_formats(planning)
    for stage in pipeline.stages:
        for step in kinds[stage.kind].plan(stage, planning):
            planning.steps.append(step)
    steps = tuple(planning.steps)
    stages = [stage for step in steps for stage in step]
    numbers = range(1, len(configs) + 1 or 2)
    main = tuple(dict.fromkeys(planning.name_of(name, number) for number in numbers for name in pipeline.main))
    converts = any(isinstance(stage, MediaStage) and stage.output.converts for stage in stages)
    names = tuple(config.name for config in configs)
    definitions = catalog.snapshot(pipeline.name, interception.name, names, (CONVERT,) if converts else ())
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
        backends=request.backends,
        preset=request.preset,
        seed=planning.seed,
        priority=request.priority,
        steps=steps,
        numbers=number_entities(stages, main),
        main=main,
        definitions=tuple(Definition.model_validate(definition) for definition in definitions),
    )


def _refuse_name(error: UnknownName) -> InputError:
    refuse = partial(InputError, status=404, field=error.kind, value=error.name, allowed=error.known)
    return refuse("unknown_definition", problem=str(error))


def check_stages(pipeline: Pipeline, kinds: Mapping[str, StageKind]) -> None:
    """Refuse a pipeline with stages that cannot be run; such definitions may come from another version.

    Raises:
        InputError: with the first reason.
    """
    reasons = [reason for _, reason in unrunnable_findings(pipeline)]
    unknown = [stage.kind for stage in pipeline.stages if stage.kind not in kinds]
    reasons += [f"there is no kind of stage named {kind}" for kind in unknown]
    if reasons:
        name, known = pipeline.name, ", ".join(kinds)
        raise InputError("pipeline_not_runnable", field="pipeline", value=name, kinds=known, reason=reasons[0])


def make_title(text: str) -> str:
    """Return the first words of the input, at most 60 characters."""
    words = " ".join(text.replace("\0", " ").split())  # PostgreSQL keeps no zero bytes
    return words if len(words) <= TITLE_LENGTH else words[:TITLE_LENGTH].rsplit(" ", 1)[0] + " …"


def _find_definitions(
    request: ExecuteRequest, catalog: Catalog
) -> tuple[Pipeline, InterceptionConfig, list[OutputConfig]]:
    """Find the definitions that a request names, or that its output config and pipeline bring along."""
    wanted = request.output_config or []
    configs = [catalog.output(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
    pipeline = catalog.pipeline(request.pipeline or (configs[0].pipeline if configs else DEFAULT_PIPELINE))
    if pipeline.output_stage is None and configs:
        made = "a text and no media" if all(stage.kind == "text" for stage in pipeline.stages) else "its own media"
        raise InputError("pipeline_makes_other", field="output_config", value=wanted, name=pipeline.name, made=made)
    if pipeline.defaults.output_config:
        configs = configs or [catalog.output(pipeline.defaults.output_config)]
    return pipeline, catalog.interception(request.schema_ or pipeline.defaults.interception), configs


def _read_words(
    request: ExecuteRequest, pipeline: Pipeline, config: OutputConfig, number: int, catalog: Catalog
) -> Briefing | None:
    values = read_locked_values(request.brief)
    if request.brief is False or pipeline.output_stage is None:
        return None
    name = pipeline.output_stage.name
    own = f"{name if number == 1 else f'{name}_{number}'}."
    wanted = {key: value for key, value in request.params.items() if "." not in key}
    wanted |= {key.removeprefix(own): value for key, value in request.params.items() if key.startswith(own)}
    return read_briefing(catalog.chunk_of(config.name), config, wanted, request.input_text, values)


def _choose_seed(request: ExecuteRequest, read: list[Briefing | None]) -> int:
    if isinstance(request.seed, int) and request.seed >= 0:
        return request.seed
    said = next((briefing.seed for briefing in read if briefing and briefing.seed is not None), None)
    return said if request.seed is None and said is not None else secrets.randbelow(SEED_LIMIT + 1)


def _check_params(planning: Planning, kinds: Mapping[str, StageKind]) -> None:
    """Refuse a name in `params` that belongs to no chunk of the request."""
    of_stages: dict[str, list[str]] = {}
    plain: set[str] = set()
    for stage in planning.pipeline.stages:
        found = kinds[stage.kind].parameters(stage, planning)
        plain |= {parameter for parameter, alone in found.items() if alone}
        for number in planning.numbers_of(stage):
            name = planning.name_of(stage.name, number)
            of_stages[name] = sorted(f"{name}.{parameter}" for parameter in found)
    allowed = plain.union(*of_stages.values())
    for name, value in planning.request.params.items():
        if name not in allowed:
            stage_name, _, parameter = name.partition(".")
            if own := of_stages.get(stage_name):
                about: dict[str, Any] = {"owner": f"The stage {stage_name}", "name": parameter, "allowed": own}
            else:
                asked = planning.configs[0].name if planning.configs else planning.pipeline.name
                about = {"owner": asked, "name": name, "allowed": sorted(plain) or sorted(allowed)}
            near = get_close_matches(name, allowed, 1)
            hint = f"Did you mean {near[0]}?" if near else ""
            raise InputError("unknown_parameter", field=f"params.{name}", value=value, hint=hint, **about)


def _check_preset(request: ExecuteRequest, configs: list[OutputConfig]) -> None:
    """Refuse a preset that none of the outputs has; where only some lack it, the run warns."""
    allowed = list(dict.fromkeys(name for config in configs for name in config.presets))
    if request.preset is not None and request.preset not in allowed:
        raise InputError("unknown_preset", field="preset", value=request.preset, allowed=allowed)


def number_entities(stages: list[StagePlan], main: tuple[str, ...]) -> dict[str, int]:
    """Return entity numbers by `stage/role`: fixed ones for texts and what the run is for, then one per stage and role.

    The stages of `main` come first, in their order, or else what was asked for: the lowest main file is what is served.
    Further texts come last, so that media have the same number with and without them.
    """
    makers = [stage for stage in stages if isinstance(stage, MediaStage)]
    order = {name: place for place, name in enumerate(main or [maker.name for maker in makers if maker.output.asked])}
    makers.sort(key=lambda stage: (bool(stage.skip), order.get(stage.name, len(order))))
    numbers = {f"{makers[0].name if makers else ''}/main": MAIN_NUMBER}
    numbers |= {f"{s.name}/text": TEXT_NUMBERS[s.name] for s in stages if s.name in TEXT_NUMBERS and s not in makers}
    places = [f"{stage.name}/{role}" for stage in makers for role in _roles(stage)]
    places += [f"{stage.name}/text" for stage in stages if stage not in makers]
    following = MAIN_NUMBER + 1
    for place in places:
        if place not in numbers:
            numbers[place] = following
            following += 1
    return numbers


def _roles(stage: MediaStage) -> Iterator[str]:
    made = [output.role for option in stage.output.options for output in option.chunk.outputs]
    several = len(stage.output.options[0].takes) > 1
    if "main" in made:
        yield "main"
        yield from ["take"] if several else []
    yield from made
