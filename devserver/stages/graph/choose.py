"""Choosing the backend and the option for an output: the asked config, or one of its declared fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from itertools import groupby

from pydantic import Field

from devserver.backends.pool import Backend
from devserver.errors import StageError
from devserver.errors.sentences import Said, Several, say
from devserver.model.kept import Kept
from devserver.model.plan import Option, OutputPlan
from devserver.model.rows import Place
from devserver.queueing.demand import Choice, Demand, fit_of
from devserver.stages.walk import Walk
from schemas.node_table import NodeTable
from schemas.nodes import GraphProblem, base_name, same_place


class Lack(Kept):
    """A backend and what it lacks for an output."""

    nodes: list[str] = Field(description="classes that it does not know")
    models: list[str] = Field(description="model files that it does not have")
    nearest_models: dict[str, str] = Field(description="for a model, the file of its that is nearest in name")
    inputs: dict[str, list[str]] = Field(description="for a class of another pack, the inputs that it has there")
    other: list[str] = Field(description="everything else, in words")
    problem: str | None = Field(None, description="why it cannot be used at all")


async def choose(walk: Walk, take: Place, output: OutputPlan, decided: tuple[str, str] | None) -> Demand:
    """Decide with which config a take is made: the asked one, or a fallback where no backend has that.

    The variants of one config are equals: the first that a backend has is used, without a word. `decided` is the key of
    the option that an earlier attempt of this take was made with: its config is not decided again.

    Raises:
        StageError: `nodes_missing` (409), or `backend_unreachable` (502) where a configured backend stays silent.
    """
    options = _equals(output, decided) if decided else list(output.options)
    ways = [list(way) for _, way in groupby(options, key=lambda option: option.config)]
    for way, following in zip(ways, [*ways[1:], None], strict=True):
        demand = Demand.of(walk.plan, output, way)
        if await _can_be_made(walk, take, output, demand):
            return demand
        lacks, silent = _lacks(walk, output, way), _silent(walk, output)
        if following is None or not output.fallback:
            raise _nothing_fits(way[0], lacks, silent)
        reason = _reason(lacks, silent)
        asked, used = way[0].config, following[0].config
        await walk.warn(
            take,
            say("fallback", asked=asked, used=used, reason=reason),
            asked=asked,
            used=used,
            reason=str(reason),
            missing={name: lack.as_json() for name, lack in lacks.items()},
        )
    raise AssertionError("an output has at least one option")


def another(walk: Walk, output: OutputPlan, option: Option) -> Choice | None:
    """A backend that answers now and can make what one was asked for that does not answer any more."""
    demand = Demand.of(walk.plan, output, _equals(output, option.key))
    return next(iter(walk.tools.turns.choices(demand)), None)


def others(walk: Walk, output: OutputPlan, option: Option, failed: Collection[str]) -> bool:
    """Return whether another backend than those where it failed answers now and can make the same."""
    demand = Demand.of(walk.plan, output, _equals(output, option.key))
    return any(choice.backend.name not in failed for choice in walk.tools.turns.choices(demand))


def _equals(output: OutputPlan, decided: tuple[str, str]) -> list[Option]:
    """The variants of the config that was decided on, the one that was used first."""
    equals = [option for option in output.options if option.config == decided[0]] or list(output.options)
    return sorted(equals, key=lambda option: option.key != decided)


async def _can_be_made(walk: Walk, take: Place, output: OutputPlan, demand: Demand) -> bool:
    """Return whether a backend can make it: at once where one can or all answer, else after waiting for silent ones."""
    pool, clock, turns = walk.tools.pool, walk.tools.clock, walk.tools.turns
    if turns.choices(demand):
        return True
    await pool.refresh()
    patience_s = walk.tools.settings.backend_wait_s
    deadline = clock.monotonic() + patience_s
    told = False
    while not turns.choices(demand):
        silent = _silent(walk, output)
        left_s = deadline - clock.monotonic()
        if not silent or left_s <= 0:
            return False
        if not told:
            said = say("waiting_for_backend", limit_s=patience_s, backends=", ".join(silent))
            await walk.warn(take, said, code="backend_silent", backends=list(silent))
            told = True
            continue  # it may have come meanwhile
        try:
            async with asyncio.timeout(left_s):
                await pool.changed()
        except TimeoutError:
            continue
    return True


def _allowed(walk: Walk, output: OutputPlan) -> list[Backend]:
    """Return the backends that may make an output of this run."""
    return walk.tools.pool.allowed(walk.plan.execution_mode, walk.plan.backends if output.asked else ())


def _answering(walk: Walk, output: OutputPlan) -> list[tuple[Backend, NodeTable]]:
    """The backends that this run may use and that answer, with what they have."""
    return [(backend, backend.table) for backend in _allowed(walk, output) if backend.up and backend.table is not None]


async def tell_differences(
    walk: Walk, take: Place, choice: Choice, output: OutputPlan, decided: tuple[str, str] | None
) -> None:
    """Tell the user where what is made is not as asked: another precision, a parameter that is left out."""
    option, asked = choice.option, (_equals(output, decided) if decided else output.options)[0]
    if walk.plan.request.get("seed") not in (None, -1, "random") and asked.chunk.seeds and not option.chunk.seeds:
        variant = option.chunk.name
        await walk.warn(take, say("seed_left_out", config=option.config, variant=variant), variant=variant)
    for remark in option.inputs:
        said = say("input_remark", problem=remark.message)
        await walk.warn(take, said, code=f"input_{remark.code}_{remark.parameter}", parameter=remark.parameter)
    for name in option.left_out:
        said = say("left_out", config=option.config, parameter=name)
        await walk.warn(take, said, code=f"left_out_{name}", parameter=name)
    if told := " ".join(one.message for one in option.brief if one.message):
        values = [one.model_dump(exclude={"message"}) for one in option.brief if one.message]
        await walk.warn(take, say("brief_limited", problem=told), values=values)
    if walk.plan.preset and output.asked and not option.preset:
        missing = {"preset": walk.plan.preset, "config": option.config}
        await walk.warn(take, say("preset_left_out", **missing), **missing)
    for model in option.chunk.models:
        used = choice.models[model.node, model.input]
        files = {"asked": model.file, "used": used}
        if base_name(used).casefold() == base_name(model.file).casefold():
            if not same_place(used, model.file):
                said = say("model_elsewhere", backend=choice.backend.name, **files)
                await walk.warn(take, said, code=f"elsewhere_{model.node}_{model.input}", **files)
        else:
            said = say("model_precision", backend=choice.backend.name, **files)
            await walk.warn(take, said, code=f"precision_{model.node}_{model.input}", **files)


def _silent(walk: Walk, output: OutputPlan) -> dict[str, str]:
    """Backends that this run may use and that somebody expects to answer, but that do not; with what is wrong."""
    return {backend.name: backend.problem for backend in _allowed(walk, output) if backend.silent}


def _lacks(walk: Walk, output: OutputPlan, way: Sequence[Option]) -> dict[str, Lack]:
    """List what each answering backend lacks for a config, by the variant that it is nearest to having."""
    lacks = {}
    for backend, table in _answering(walk, output):
        problems = min((fit_of(option, table).problems for option in way), key=_distance)
        lacks[backend.name] = _sorted(problems, table)
    for backend in _allowed(walk, output):
        if backend.state == "down" and not backend.silent and not backend.address.discovered:
            lacks[backend.name] = _sorted([], NodeTable({})).model_copy(update={"problem": backend.problem})
    return lacks


def _distance(problems: Sequence[GraphProblem]) -> tuple[int, int]:
    return sum(problem.kind == "missing_node" for problem in problems), len(problems)


def _sorted(problems: Sequence[GraphProblem], table: NodeTable) -> Lack:
    nodes = sorted({p.class_type for p in problems if p.kind == "missing_node"})
    models = {str(p.value): p.available[0] if p.available else "" for p in problems if p.kind == "missing_model"}
    strange = sorted({p.class_type for p in problems if p.kind in ("unknown_input", "missing_input")})
    others = [p.message for p in problems if p.kind not in ("missing_node", "missing_model")]
    return Lack(
        nodes=nodes,
        models=sorted(models),
        nearest_models={name: near for name, near in models.items() if near},
        inputs={name: list(table.classes[name].inputs) for name in strange},
        other=others,
    )


def _reason(lacks: dict[str, Lack], silent: dict[str, str]) -> Several:
    parts = [_silence(name, why.rstrip(".")) for name, why in silent.items()]
    parts += [_lack(name, lack) for name, lack in lacks.items()]
    return Several(parts or [say("fits_no_backend_allowed")], "; ")


def _silence(backend: str, why: str) -> Said:
    if not why:
        return say("fits_did_not_answer", backend=backend)
    return say("fits_did_not_answer_because", backend=backend, problem=why)


def _lack(backend: str, lack: Lack) -> Said:
    if lack.problem is not None:
        return say("fits_not_usable", backend=backend, problem=lack.problem.rstrip("."))
    near = lack.nearest_models
    models = ", ".join(f"{name} (nearest: {near[name]})" if name in near else name for name in lack.models)
    said = [say("fits_lacks_nodes", names=", ".join(lack.nodes), nodes=lack.nodes)] if lack.nodes else []
    said += [say("fits_lacks_models", names=models, models=lack.models, nearest=near)] if models else []
    said += [
        say("fits_other_pack", class_type=name, names=", ".join(found), inputs=found)
        for name, found in lack.inputs.items()
    ]
    said += [] if lack.inputs else [say("fits_not_accepted", problem=message) for message in lack.other[:2]]
    return say("fits_lacks", backend=backend, lacks=Several(said, " and "))


def _nothing_fits(option: Option, lacks: dict[str, Lack], silent: dict[str, str]) -> StageError:
    said = partial(say, "nothing_fits", config=option.config, reason=_reason(lacks, silent))
    details = {"missing": {name: lack.as_json() for name, lack in lacks.items()}, "silent": list(silent)}
    if silent:
        hint = "Start the backend, or take it out of the configuration."
        return StageError(said(hint), code="backend_unreachable", status=502, details=details)
    folders = [f"{model.file} into models/{model.folder}" for model in option.chunk.models]
    hint = "`python server.py doctor` tells what each backend has and what is wrong with it."
    if folders:
        hint = f"Put {', '.join(folders)} of a ComfyUI and name it with --backend URL, or allow the fallback."
    return StageError(said(hint), code="nodes_missing", status=409, details=details)
