from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from devserver.errors import Fenced
from devserver.stages.graph.job import Job
from devserver.stages.graph.submitting import submit
from devserver.stages.walk import Walk
from tests.comfy import backend as scripted


async def test_a_walk_that_owns_its_run_submits(walk: Walk, job: Job, host: scripted.Backend) -> None:
    await submit(walk, job, scripted.GRAPH)
    assert [prompt["prompt_id"] for prompt in host.submitted] == [job.prompt_id]


async def test_a_walk_that_lost_its_run_submits_nothing(walk: Walk, job: Job, host: scripted.Backend) -> None:
    await walk.tools.journal.begin_run(walk.run.run_id)
    with pytest.raises(Fenced):
        await submit(walk, job, scripted.GRAPH)
    assert host.submitted == []
    assert host.requests == []


async def test_a_prompt_of_a_lost_run_is_taken_back_although_the_walk_is_stopped_meanwhile(
    walk: Walk, job: Job, host: scripted.Backend
) -> None:
    journal, host.running = walk.tools.journal, ["another"]
    await journal.write(lambda writing: writing.begin_attempt(job.place))

    async def lose_the_run(request: web.Request) -> web.StreamResponse:
        taken = await host._answer(request)
        row = await journal.begin_run(walk.run.run_id)
        await journal.end(replace(job.place, generation=row.generation), "lost")
        return taken

    async def stop_the_walk(request: web.Request) -> web.StreamResponse:
        submitting.cancel()
        return await host._answer(request)

    host.answers = {("POST", "/prompt"): lose_the_run, ("GET", "/queue"): stop_the_walk}
    submitting = asyncio.create_task(submit(walk, job, scripted.GRAPH))
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert host.running + host.pending == ["another"]
