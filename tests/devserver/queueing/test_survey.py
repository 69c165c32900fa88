from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from devserver.backends.pool import Pool
from devserver.queueing.breakers import Breakers
from devserver.queueing.expected import Line
from devserver.queueing.survey import files_of_models, own_queue, survey
from devserver.system.clock import Clock
from schemas.node_table import NodeTable
from tests.comfy import backend as scripted
from tests.doubles.pools import NOBODY, add_backend

CLASSES = {
    "Load": {"input": {"required": {"ckpt_name": [["b.safetensors", "a.ckpt"]], "mode": [["fast", "slow"]]}}},
    "Also": {"input": {"required": {"ckpt_name": [["c.safetensors"]], "lora": [["x.pt", "None"]]}}},
}


@pytest.fixture
async def host() -> AsyncIterator[scripted.Backend]:
    host = scripted.Backend()
    await host.start()
    host.running, host.pending = ["a"], ["b", "c"]
    yield host
    await host.stop()


def test_the_model_files_of_a_backend_are_listed_by_the_inputs_that_take_them() -> None:
    table = NodeTable.from_object_info(CLASSES)
    assert files_of_models(table) == {"ckpt_name": ["a.ckpt", "b.safetensors", "c.safetensors"], "lora": ["x.pt"]}


async def test_a_backend_says_how_much_it_has_whoever_sent_it(host: scripted.Backend, pool: Pool) -> None:
    backend = add_backend(pool, url=host.url)
    assert await own_queue(backend) == {"running": 1, "pending": 2}
    backend.state, backend.stalled = "down", "its worker is dead"
    assert await own_queue(backend) == {"running": 1, "pending": 2}, "one that is stalled still says it"


async def test_one_that_is_down_is_not_asked_and_one_that_does_not_answer_says_nothing(
    host: scripted.Backend, pool: Pool
) -> None:
    assert await own_queue(add_backend(pool, state="down", url=host.url)) is None
    assert host.requests == []
    assert await own_queue(add_backend(pool, url=NOBODY)) is None

    async def break_off(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    host.answers["GET", "/queue"] = break_off
    assert await own_queue(add_backend(pool, url=host.url)) is None


async def test_every_backend_is_told_with_our_own_queue_before_its(host: scripted.Backend, pool: Pool) -> None:
    add_backend(pool, "one", url=host.url, classes=CLASSES)
    add_backend(pool, "two", state="down")
    one, two = await survey(pool.backends, Line([], {}, {"two"}), Breakers(Clock()))
    assert (one["name"], one["nodes"], one["queue"], one["paused"]) == ("one", 2, {"running": 1, "pending": 2}, False)
    assert (two["name"], two["state"], two["queue"], two["paused"]) == ("two", "down", None, True)
    assert (one["held"], one["waiting"], one["eta"]) == (0, 0, None)
