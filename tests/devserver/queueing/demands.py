"""Demands of outputs that need one node and one model, and backends that have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devserver.model.plan import Option
from devserver.queueing.demand import Demand
from schemas.graph import GraphNode
from schemas.model import GraphChunk, ModelFile


def option(config: str = "song", variant: str = "a", model: str = "", **more: Any) -> Option:
    """One way to make an output: a graph of one node, which loads a model where one is named."""
    files = (ModelFile(node="1", input="file", file=model, folder="checkpoints"),) if model else ()
    node: GraphNode = {"class_type": f"Make_{config}", "inputs": {"file": model} if model else {}}
    made_of: dict[str, Any] = {"name": variant, "kind": "graph", "models": files}
    given = {"takes": ({"title": "x"},), "at_home": False, **more}
    return Option.model_construct(
        config=config, chunk=GraphChunk.model_construct(**made_of), graph={"1": node}, **given
    )


def demand(config: str = "song", variants: Sequence[tuple[str, str]] = (("a", ""),), **more: Any) -> Demand:
    """A demand whose variants each have a name and a model."""
    return Demand(tuple(option(config, name, model, **more) for name, model in variants), "fast")


def classes(*configs: str, models: Sequence[str] = ()) -> dict[str, Any]:
    """The nodes of a backend that can make these outputs with these models."""
    inputs = {"required": {"file": [list(models)]}} if models else {}
    return {f"Make_{config}": {"input": inputs} for config in configs}
