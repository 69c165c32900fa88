"""Graph stages: a chunk's graph, run in takes at the backends that have its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from devserver.model.plan import MediaStage, StagePlan
from devserver.model.results import StageResult
from devserver.stages.graph.planning import plan_graph
from devserver.stages.graph.takes import run_graph
from devserver.stages.inputs import Inputs
from devserver.stages.kind import Planning, StageKind, Step
from devserver.stages.walk import Walk
from schemas.model import OUTPUT_CHUNK
from schemas.pipeline import Stage
from schemas.pipeline_rules import GraphRules


class GraphKind(GraphRules, StageKind):
    """A stage that runs a graph."""

    name = "graph"
    counts_stops = False  # a server that dies is counted where it takes in what was made

    def plan(self, stage: Stage, planning: Planning) -> Iterator[Step]:
        return plan_graph(stage, planning)

    def parameters(self, stage: Stage, planning: Planning) -> Mapping[str, bool]:
        runs_config = stage.chunk == OUTPUT_CHUNK
        catalog = planning.catalog
        if runs_config:
            chunks = [chunk for config in planning.configs for chunk in catalog.variants_of(config.name)]
        else:
            chunks = [catalog.graph_chunk(stage.chunk)]
        return {name: runs_config for chunk in chunks for name in chunk.parameters if name not in stage.inputs}

    async def run(self, walk: Walk, stage: StagePlan, inputs: Inputs) -> StageResult:
        """Run every take of the stage.

        Raises:
            StageError: a take could not be made; the other takes end first, and keep what they made.
        """
        if not isinstance(stage, MediaStage):
            raise TypeError(f"{stage.name} makes no media")
        return await run_graph(walk, stage, inputs)
