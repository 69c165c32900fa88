"""Folders, and an executor that runs in the test itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from devserver.host.child import Child
from devserver.host.executor import Executor
from devserver.host.folders import Folders
from tests.contract.live import Live
from tests.doubles.probe_nodes import table
from tests.host.processes import PROBES


class Bench:
    """Runs graphs on the spot and keeps what was told."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.executor = Executor(table(folders), folders, lambda event, data: self.events.append((event, data)))

    def run(self, graph: dict[str, Any], **extra_data: Any) -> dict[str, Any]:
        """The outputs of the graph's output nodes; fails where a node failed."""
        outputs = self.attempt(graph, **extra_data)
        assert self.events[-1][0] == "execution_success", self.events[-1]
        return outputs

    def attempt(self, graph: dict[str, Any], **extra_data: Any) -> dict[str, Any]:
        """The same for a graph that may fail; `events` says how it went."""
        self.events.clear()
        ends = [name for name, node in graph.items() if getattr(self.cls(node), "OUTPUT_NODE", False)]
        self.executor.run("p", graph, extra_data, ends)
        return {data["node"]: data["output"] for event, data in self.events if event == "executed"}

    def cls(self, node: dict[str, Any]) -> type[Any]:
        return self.executor.table[node["class_type"]]

    def value(self, graph: dict[str, Any], node_id: str, slot: int = 0) -> Any:
        """What the node makes: the graph is run with it as its end."""
        self.events.clear()
        self.executor.run("p", graph, {}, [node_id])
        assert self.events[-1][0] == "execution_success", self.events[-1]
        result = list(self.executor.cache.values())[-1]
        return result.slots[slot][0]

    def saved(self, entry: dict[str, str]) -> Path:
        root = self.folders.of_type(entry["type"])
        assert root is not None
        return root / entry["subfolder"] / entry["filename"]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.create()
    return made


@pytest.fixture
def bench(folders: Folders) -> Bench:
    return Bench(folders)


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[tuple[Child, Live]]:
    host = Child(PROBES, tmp_path)
    url = await host.start()
    async with aiohttp.ClientSession() as session:
        yield host, Live(url, session)
    await host.stop()
