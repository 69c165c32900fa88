"""Demands: what takes that are alike need of a backend, and how the backends meet it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from devserver.backends.sources import Backend
from devserver.model.plan import Option, OutputPlan, Plan
from schemas.node_table import NodeTable
from schemas.nodes import Fit, base_name, fit

FITS_KEPT: Final = 2000


@dataclass(frozen=True)
class Demand:
    """The equal variants of a config, the preferred one first, and the backends that may make them.

    Those are the named ones, or all within reach of the execution mode.
    """

    options: tuple[Option, ...]
    execution_mode: str
    backends: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Plan, output: OutputPlan, options: Sequence[Option]) -> Demand:
        """Return what a run needs of a backend; the one that the request names is that of the asked output."""
        return cls(tuple(options), plan.execution_mode, plan.backends if output.asked else ())

    @cached_property
    def digest(self) -> str:
        """A name that is the same for the same demand, in every process."""
        said = [
            [one.config, one.chunk.name, one.at_home, one.graph, [vars(model) for model in one.chunk.models]]
            for one in self.options
        ]
        text = json.dumps([self.execution_mode, self.backends, said], sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest()[:16]

    @property
    def at_home(self) -> bool:
        """Return True where the files are here, so that the embedded backend is preferred."""
        return all(option.at_home for option in self.options)


@dataclass(frozen=True)
class Choice:
    """A backend that has all that an option needs, and its own names for the option's models."""

    option: Option
    backend: Backend
    models: Mapping[tuple[str, str], str]

    @cached_property
    def files(self) -> frozenset[str]:
        """The model files that are loaded for it."""
        return frozenset(self.models.values())

    @cached_property
    def is_exact(self) -> bool:
        """Return True where each model is the very file that was asked for, of no other precision."""
        files = {(model.node, model.input): model.file for model in self.option.chunk.models}
        return all(
            base_name(self.models[at]).casefold() == base_name(file).casefold()
            for at, file in files.items()
            if at in self.models
        )


class Fits:
    """Finds which backends meet a demand. Each answer is kept for as long as the backend lists the same nodes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[NodeTable, _Fitting | None]] = {}

    def choices(self, demand: Demand, backends: Sequence[Backend]) -> list[Choice]:
        """Return a choice for each backend that can be used, in their order.

        The embedded one alone where the files are at home; those with the exact model files before others; those that
        refused a prompt a moment ago only where there is no other.
        """
        found = [one for backend in backends if backend.up and (one := self.choice(demand, backend)) is not None]
        if demand.at_home:
            found = [one for one in found if one.backend.address.kind == "embedded"] or found
        found = [one for one in found if not one.backend.rejects_prompts] or found
        return [one for one in found if one.is_exact] or found

    def choice(self, demand: Demand, backend: Backend) -> Choice | None:
        """Return the first option that a backend has all of."""
        table = backend.table
        if table is None or not backend.address.use.allows(demand.options[0].config):
            return None
        at = demand.digest, backend.name
        known = self._kept.get(at)
        if known is None or known[0] is not table:
            if len(self._kept) > FITS_KEPT:
                self._kept.clear()
            known = self._kept[at] = table, _first_fitting(demand, table)
        if known[1] is None:
            return None
        # The option is this demand's own: those of another run have other values.
        return Choice(demand.options[known[1].number], backend, known[1].models)


@dataclass(frozen=True)
class _Fitting:
    """The first option of a demand that fits, by its number, and the names of its models there."""

    number: int
    models: Mapping[tuple[str, str], str]


def _first_fitting(demand: Demand, table: NodeTable) -> _Fitting | None:
    for number, option in enumerate(demand.options):
        found = fit_of(option, table)
        if not found.problems:
            return _Fitting(number, dict(found.bindings))
    return None


def fit_of(option: Option, table: NodeTable) -> Fit:
    """Check an option against the nodes and models of a backend."""
    return fit(option.chunk.models, option.graph, table)
