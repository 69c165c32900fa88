"""What an address gives: backends that come and go as SwarmUI's list does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devserver.backends.sources import Address, Source, find_answering
from devserver.comfy.errors import Unreachable
from tests.doubles.programs import NodeHost
from tests.doubles.swarm import Behind, RunningSwarm
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeHost]:
    with NodeHost(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture
def swarm(host: NodeHost) -> Iterator[RunningSwarm]:
    with RunningSwarm(Behind(host.url), Behind(host.url, status="loading")) as running:
        yield running


@pytest.fixture
async def source(swarm: RunningSwarm) -> AsyncIterator[Source]:
    source = Source(Address("s", "auto", swarm.url))
    await source.ask()
    yield source
    await source.close()


def names(source: Source) -> list[str]:
    return [backend.name for backend in source.backends]


async def test_a_swarmui_is_recognised_and_each_of_its_comfyuis_is_a_backend(
    source: Source, swarm: RunningSwarm
) -> None:
    assert (source.address.kind, names(source)) == ("swarmui", ["s", "s#0"])
    head, entry = source.backends
    assert (head.state, head.up, head.silent) == ("up", False, False)
    assert entry.up
    assert entry.follower.connected
    assert entry.describe().kind == "swarmui"
    swarm.swarm.backends[1].status = "running"
    await source.ask()
    assert names(source) == ["s", "s#0", "s#1"]


async def test_one_that_goes_leaves_nobody_waiting_and_may_come_back(source: Source, swarm: RunningSwarm) -> None:
    entry = source.backends[1]
    async with asyncio.timeout(PATIENCE_S), entry.follower.watch("p") as watch:
        waiting = asyncio.create_task(watch.wait_for_outcome())
        swarm.swarm.backends[0].status = "errored"
        await source.ask()
        with pytest.raises(Unreachable, match="no longer runs"):
            await waiting
    assert names(source) == ["s"]
    assert not entry.up
    swarm.swarm.backends[0].status = "running"
    await source.ask()
    assert source.backends[1] is entry
    assert entry.up
    assert entry.follower.connected


async def test_loading_is_waited_for_and_absent_is_not(source: Source, swarm: RunningSwarm) -> None:
    swarm.swarm.backends[0].status = "loading"
    await source.ask()
    head = source.head
    assert (head.state, head.silent) == ("down", True)
    assert "still loading" in head.problem
    for backend in swarm.swarm.backends.values():
        backend.status = "disabled"
    await source.ask()
    assert (head.state, head.silent) == ("down", False)
    assert "all_disabled" in head.problem


async def test_a_swarmui_that_does_not_answer_keeps_its_places(host: NodeHost) -> None:
    with RunningSwarm(Behind(host.url)) as swarm:
        source = Source(Address("s", "swarmui", swarm.url))
        await source.ask()
    await source.ask()
    assert names(source) == ["s", "s#0"]
    assert [backend.silent for backend in source.backends] == [True, True]
    await source.close()


async def test_wrong_tokens_are_told_and_not_waited_for(source: Source, swarm: RunningSwarm) -> None:
    swarm.swarm.sessions.clear()
    swarm.swarm.token = "right"
    await source.ask()
    assert (source.head.silent, "swarm_token" in source.head.problem) == (False, True)


async def test_a_plain_comfyui_is_one_backend(host: NodeHost) -> None:
    source = Source(Address("c", "auto", host.url))
    await source.ask()
    assert (source.address.kind, names(source), source.up) == ("comfyui", ["c"], True)
    await source.close()


async def test_the_direct_address_of_a_swarmui_is_that_swarmui(swarm: RunningSwarm) -> None:
    source = Source(Address("s", "auto", swarm.direct))
    await source.ask()
    assert names(source) == ["s", "s#0"]
    await source.close()


async def test_the_shared_folder_is_used_where_it_is_here(source: Source, swarm: RunningSwarm, tmp_path: Path) -> None:
    settings = swarm.swarm.backends[0].settings
    settings["StartScript"] = str(tmp_path / "ComfyUI" / "main.py")
    await source.ask()
    assert source.backends[1].address.output_folder is None
    (tmp_path / "ComfyUI" / "output").mkdir(parents=True)
    await source.ask()
    assert source.backends[1].address.output_folder == tmp_path / "ComfyUI" / "output"


async def test_a_comfyui_that_a_swarmui_has_elsewhere_is_remote(source: Source, swarm: RunningSwarm) -> None:
    assert not source.backends[1].address.remote
    swarm.swarm.backends[0].settings["Address"] = "http://studio:8188"
    await source.ask()
    assert source.backends[1].address.remote


async def test_usual_addresses_count_where_the_right_program_answers(swarm: RunningSwarm, host: NodeHost) -> None:
    addresses = [
        Address("a", "comfyui", host.url),
        Address("b", "swarmui", swarm.url),
        Address("c", "comfyui", swarm.url),
        Address("d", "comfyui", "http://127.0.0.1:9"),
    ]
    assert [address.name for address in await find_answering(addresses)] == ["a", "b"]
