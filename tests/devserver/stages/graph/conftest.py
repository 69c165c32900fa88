from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.backends.sources import Address, Backend
from devserver.stages.graph.job import Job
from devserver.stages.graph.nodes import NodeTimes
from devserver.stages.walk import Walk
from tests.comfy import backend as scripted


@pytest.fixture
async def host() -> AsyncIterator[scripted.Backend]:
    host = scripted.Backend()
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
async def job(walk: Walk, host: scripted.Backend) -> AsyncIterator[Job]:
    backend = Backend(Address("studio", "comfyui", host.url))
    output = walk.plan.outputs[0]
    place = walk.place("generation", 1, 1)
    yield Job(place, backend, output, output.options[0], scripted.GRAPH, "", {}, {}, NodeTimes(walk.tools.clock))
    await backend.client.close()
