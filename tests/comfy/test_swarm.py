"""SwarmUI from the client's side: sessions, lists, the pinned way through, and what its answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devserver.comfy.cancel import cancel
from devserver.comfy.client import Client
from devserver.comfy.collect import collect, files_of
from devserver.comfy.errors import BackendError, Denied, NotServing, OutputMissing, Refused, Unreachable
from devserver.comfy.files import RemoteFile
from devserver.comfy.follow import Follower
from devserver.comfy.prompt import Outcome, PromptEvent
from devserver.comfy.swarm import Swarm, SwarmBackend, SwarmError, credentials, recognise
from tests.contract.live import long_piece, silence
from tests.doubles.programs import NodeHost
from tests.doubles.swarm import Behind, RunningSwarm
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NodeHost, Path]]:
    base = tmp_path_factory.mktemp("host")
    with NodeHost(base) as running:
        yield running, base / "output"


@pytest.fixture
def double(host: tuple[NodeHost, Path]) -> Iterator[RunningSwarm]:
    with RunningSwarm(Behind(host[0].url, host[1])) as running:
        yield running


@pytest.fixture
async def swarm(double: RunningSwarm) -> AsyncIterator[Swarm]:
    swarm = Swarm(double.url)
    yield swarm
    await swarm.close()


@pytest.fixture
async def follower(swarm: Swarm) -> AsyncIterator[Follower]:
    async with swarm.client_for("0") as client:
        follower = Follower(client, f"test-{uuid4()}", poll_seconds=0.2, patience_seconds=PATIENCE_S)
        await follower.start()
        yield follower
        await follower.close()


async def run(follower: Follower, graph: dict[str, Any]) -> tuple[Outcome, list[PromptEvent]]:
    heard: list[PromptEvent] = []
    prompt_id = str(uuid4())
    async with follower.watch(prompt_id, graph) as watch:
        await follower.client.submit(graph, prompt_id, follower.client_id)
        return await watch.wait_for_outcome(heard.append), heard


def short() -> dict[str, Any]:
    """A second, and a little more that nobody had before, so that nothing of it is cached."""
    return silence(1 + uuid4().int % 10000 / 10000, prefix=f"tonewright/{uuid4().hex}/a")


async def made(follower: Follower) -> RemoteFile:
    outcome, _ = await run(follower, short())
    (file,) = files_of(outcome.outputs)
    return file


# Sessions and lists


async def test_a_session_that_swarmui_has_forgotten_is_replaced(swarm: Swarm, double: RunningSwarm) -> None:
    await swarm.backends()
    double.swarm.sessions.clear()
    assert [(backend.id, backend.runs_comfyui) for backend in await swarm.backends()] == [("0", True)]
    assert len(double.swarm.sessions) == 1


async def test_an_error_that_comes_with_200_is_an_error(double: RunningSwarm) -> None:
    double.swarm.token = "right"
    swarm = Swarm(double.url, credentials("wrong", None))
    with pytest.raises(SwarmError, match=r"Invalid or unauthorized.*swarm_token") as caught:
        await swarm.backends()
    assert caught.value.status == 200
    await swarm.close()


async def test_token_and_header_let_in(double: RunningSwarm) -> None:
    double.swarm.token, double.swarm.authorization = "right", "Bearer x"
    swarm = Swarm(double.url, credentials("right", "Bearer x"))
    assert len(await swarm.backends()) == 1
    async with swarm.client_for("0") as client:
        follower = Follower(client, "inside")
        await follower.start()
        assert follower.connected
        await follower.close()
        assert (await client.queue()).running == ()
    await swarm.close()


async def test_every_call_and_the_socket_are_pinned_and_the_name_is_first(
    double: RunningSwarm, follower: Follower, tmp_path: Path
) -> None:
    await collect(follower.client, await made(follower), tmp_path / "a.part")
    await cancel(follower.client, "unknown")
    direct = [(path, headers) for _, path, headers in double.swarm.asked if path.startswith("/ComfyBackendDirect")]
    assert {headers.get("X-Swarm-Backend-ID") for _, headers in direct} == {"0"}
    paths = [path.removeprefix("/ComfyBackendDirect") for path, _ in direct]
    assert any(path.startswith("/ws?clientId=") for path in paths)
    assert next(path for path in paths if path.startswith("/view")).startswith("/view?filename=")
    assert double.swarm.direct.improper == 0


async def test_loading_is_told_from_absent(swarm: Swarm, double: RunningSwarm) -> None:
    for status, coming in (("loading", True), ("disabled", False), ("errored", False)):
        double.swarm.backends[0].status = status
        assert (await swarm.state()).may_start is coming, status


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({"StartScript": "/srv/swarm/dlbackend/ComfyUI/main.py"}, "/srv/swarm/dlbackend/ComfyUI/output"),
        ({"StartScript": "dlbackend/ComfyUI/main.py"}, "/swarm/dlbackend/ComfyUI/output"),
        ({"StartScript": "/c/main.py", "ExtraArgs": "--lowvram --output-directory '/my out'"}, "/my out"),
        ({"StartScript": "/c/main.py", "ExtraArgs": "--output-directory=made"}, "/c/made"),
        ({"StartScript": "/c/main.py", "ExtraArgs": "--base-directory /b"}, "/b/output"),
        ({"StartScript": "/c/main.py", "ExtraArgs": "it's wrong"}, "/c/output"),
        ({"Address": "http://studio:8188"}, None),
    ],
)
def test_the_output_folder_is_read_from_the_settings(settings: dict[str, str], folder: str | None) -> None:
    found = SwarmBackend("0", "comfyui_selfstart", "running", settings).output_folder(Path("/swarm"))
    assert found == (Path(folder) if folder else None)


def test_a_relative_script_without_swarmuis_folder_is_nowhere() -> None:
    backend = SwarmBackend("0", "comfyui_selfstart", "running", {"StartScript": "dlbackend/ComfyUI/main.py"})
    assert backend.output_folder(None) is None


# Running prompts


async def test_a_graph_becomes_a_file_though_events_come_twice_and_indented(
    double: RunningSwarm, follower: Follower, tmp_path: Path
) -> None:
    double.swarm.switches.repeats_events = True
    outcome, heard = await run(follower, short())
    assert outcome.state == "success"
    assert [event.node for event in heard if event.kind == "node"] == ["1", "2"]
    fractions = [event.fraction for event in heard if event.kind == "progress"]
    assert fractions == sorted(set(fractions))
    (file,) = files_of(outcome.outputs)
    await collect(follower.client, file, tmp_path / "a.part")
    assert (tmp_path / "a.part").stat().st_size > 1000


async def test_a_prompt_waits_until_the_socket_was_greeted(swarm: Swarm, double: RunningSwarm) -> None:
    double.swarm.switches.holds_greetings = True
    async with swarm.client_for("0") as client:
        follower = Follower(client, "late")
        starting = asyncio.create_task(follower.start())
        while "late" not in double.swarm.direct.users:  # noqa: ASYNC110 - the double is in another thread
            await asyncio.sleep(0.01)
        assert not follower.connected
        double.swarm.switches.holds_greetings = False
        await starting
        assert follower.connected
        await run(follower, short())
        await follower.close()
    assert double.swarm.direct.improper == 0


async def test_a_running_prompt_is_interrupted_by_its_id(follower: Follower) -> None:
    runs = asyncio.Event()
    graph = long_piece(uuid4().int % 1000, 120.0)

    def when_it_runs(event: PromptEvent) -> None:
        if event.kind == "progress":
            runs.set()

    prompt_id = str(uuid4())
    async with follower.watch(prompt_id, graph) as watch:
        await follower.client.submit(graph, prompt_id, follower.client_id)
        outcome = asyncio.create_task(watch.wait_for_outcome(when_it_runs))
        await runs.wait()
        assert (await cancel(follower.client, prompt_id)).did == ("interrupted",)
        assert (await outcome).state == "interrupted"


# Ways to a file


async def test_a_length_is_told_by_view_alone(follower: Follower, host: tuple[NodeHost, Path]) -> None:
    file = await made(follower)
    assert await follower.client.size(file) == (host[1] / file.path).stat().st_size


async def test_a_file_comes_from_view_where_its_comfyui_is_gone(
    tmp_path: Path, double: RunningSwarm, follower: Follower
) -> None:
    file = await made(follower)
    double.swarm.backends[0].status = "errored"
    await collect(follower.client, file, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes()[:2] in {b"ID", b"\xff\xfb"}


async def test_half_a_download_is_continued_by_a_range(
    tmp_path: Path, double: RunningSwarm, follower: Follower, host: tuple[NodeHost, Path]
) -> None:
    file = await made(follower)
    whole = (host[1] / file.path).read_bytes()
    double.swarm.switches.cuts_files_after = 100
    await collect(follower.client, file, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == whole
    ranges = [
        headers.get("Range") for _, path, headers in double.swarm.asked if path.startswith("/View/local/_comfy0/")
    ]
    assert "bytes=100-" in ranges


async def test_without_any_other_way_a_lost_backend_is_not_serving(
    tmp_path: Path, double: RunningSwarm, follower: Follower
) -> None:
    file = await made(follower)
    double.swarm.backends[0].status, double.swarm.backends[0].output = "errored", None
    with pytest.raises(NotServing):
        await collect(follower.client, file, tmp_path / "a.part")


async def test_a_file_that_comfyui_has_not_is_missing(tmp_path: Path, follower: Follower) -> None:
    with pytest.raises(OutputMissing):
        await collect(follower.client, RemoteFile("2", "audio", "nothing.mp3"), tmp_path / "a.part")


# What is refused


@pytest.mark.parametrize("status", ["loading", "errored", "disabled"])
async def test_a_page_instead_of_a_comfyui_is_told_in_plain_words(
    double: RunningSwarm, follower: Follower, status: str
) -> None:
    double.swarm.backends[0].status = status
    for asking in (follower.client.queue(), follower.client.submit(short(), str(uuid4()), "c")):
        with pytest.raises(NotServing, match="no running ComfyUI") as caught:
            await asking
        assert isinstance(caught.value, Unreachable)
        assert "<" not in str(caught.value)


async def test_a_missing_permission_is_told_with_the_setting_that_helps(double: RunningSwarm) -> None:
    async with Client(double.direct) as client:
        double.swarm.token = "right"
        with pytest.raises(Denied, match="swarm_token"):
            await client.queue()
        double.swarm.authorization = "Bearer x"
        with pytest.raises(Denied, match="authorization"):
            await client.queue()


async def test_swarmuis_own_refusal_is_no_fault_of_the_graph(double: RunningSwarm, follower: Follower) -> None:
    double.swarm.backends[0].max_usages = 0
    with pytest.raises(BackendError, match=r"\[SwarmUI\] No functional") as caught:
        await run(follower, short())
    assert not isinstance(caught.value, Refused)


async def test_comfyuis_refusal_passes_with_its_reason(follower: Follower) -> None:
    graph = short()
    graph["2"]["inputs"]["quality"] = "999k"
    with pytest.raises(Refused, match="allowed: V0, 128k, 320k"):
        await run(follower, graph)


async def test_what_listens_is_recognised(double: RunningSwarm, host: tuple[NodeHost, Path]) -> None:
    assert await recognise(double.url) == "swarmui"
    assert await recognise(host[0].url) == "comfyui"
    double.swarm.token = "right"
    assert await recognise(double.url) == "swarmui"
    double.swarm.authorization = "Bearer x"
    with pytest.raises(Denied):
        await recognise(double.url)
    with pytest.raises(Unreachable):
        await recognise("http://127.0.0.1:9")
