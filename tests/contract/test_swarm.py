"""What SwarmUI does, statement by statement, held against the double: client tests may rely on it.

The numbers are those of the list in docs/backends.md.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.live import Live, long_piece, silence
from tests.doubles.programs import NodeHost
from tests.doubles.swarm import Behind, RunningSwarm

HTML_400 = (400, "text/html")
EXCEPTION_400 = {"status": 400, "content_type": None, "body": ""}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[NodeHost, Path]]]:
    bases = [tmp_path_factory.mktemp("host0"), tmp_path_factory.mktemp("host1")]
    with NodeHost(bases[0]) as first, NodeHost(bases[1]) as second:
        yield [(first, bases[0] / "output"), (second, bases[1] / "output")]


@pytest.fixture
def swarm(hosts: list[tuple[NodeHost, Path]]) -> Iterator[RunningSwarm]:
    with RunningSwarm(*(Behind(host.url, output) for host, output in hosts)) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def own(swarm: RunningSwarm, session: aiohttp.ClientSession) -> Live:
    """SwarmUI's own routes."""
    return Live(swarm.url, session)


@pytest.fixture
def direct(swarm: RunningSwarm, session: aiohttp.ClientSession) -> Live:
    return Live(swarm.direct, session)


def pin(number: int) -> dict[str, str]:
    return {"X-Swarm-Backend-ID": str(number)}


async def new_session(own: Live) -> str:
    return str((await own.ask("POST", "/API/GetNewSession", json={}))["body"]["session_id"])


async def call(own: Live, route: str, **body: Any) -> dict[str, Any]:
    return await own.ask("POST", f"/API/{route}", json={"session_id": await new_session(own), **body})


def gist(answer: dict[str, Any]) -> tuple[int, str | None]:
    return answer["status"], answer["content_type"]


def nothing_in(answer: dict[str, Any]) -> bool:
    """Whether it is the answer of a POST that broke inside SwarmUI."""
    return {name: answer[name] for name in EXCEPTION_400} == EXCEPTION_400


async def test_statement_01_a_new_session_and_an_unauthorised_one_with_200(swarm: RunningSwarm, own: Live) -> None:
    told = (await own.ask("POST", "/API/GetNewSession", json={}))["body"]
    assert len(told["session_id"]) == 40
    assert told.keys() >= {"user_id", "output_append_user", "version", "server_id", "permissions"}
    swarm.swarm.token = "another"
    refused = await own.ask("POST", "/API/GetNewSession", json={})
    assert (refused["status"], refused["body"]) == (200, {"error": "Invalid or unauthorized."})


async def test_statement_02_an_unknown_session_is_401_and_a_missing_one_400(own: Live) -> None:
    unknown = await own.ask("POST", "/API/ListBackends", json={"session_id": "0" * 40})
    assert (unknown["status"], unknown["body"]["error_id"]) == (401, "invalid_session_id")
    missing = await own.ask("POST", "/API/ListBackends", json={})
    assert (missing["status"], missing["body"]["error_id"]) == (400, "basic_api")
    assert set((await call(own, "listbackends"))["body"]) == {"0", "1"}


async def test_statement_03_chunked_or_not_json_is_400(own: Live) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    for data, kind in ((chunks(), "application/json"), (b"{}", "text/plain")):
        answer = await own.ask("POST", "/API/GetNewSession", data=data, headers={"Content-Type": kind})
        assert (answer["status"], answer["body"]["error_id"]) == (400, "basic_api")


async def test_statement_04_errors_of_a_generation_come_with_200(own: Live) -> None:
    answer = await call(own, "GenerateText2Image", images=1)
    assert answer["status"] == 200
    assert "No backends match" in answer["body"]["error"]


@pytest.mark.parametrize(("status", "told"), [("loading", "loading"), ("disabled", "all_disabled"), ("none", "empty")])
async def test_statement_05_without_a_running_backend_400_as_a_page_and_a_managed_request_waits_for_a_loading_one(
    swarm: RunningSwarm, own: Live, direct: Live, status: str, told: str
) -> None:
    all_of_them = dict(swarm.swarm.backends)
    for backend in all_of_them.values():
        backend.status = status
    if status == "none":
        swarm.swarm.backends.clear()
    answer = await direct.ask("GET", "/queue")
    assert gist(answer) == HTML_400
    assert "comfy-failed-to-load" in answer["body"]
    assert (await call(own, "GetCurrentStatus"))["body"]["backend_status"]["status"] == told
    managed = asyncio.create_task(call(own, "GenerateText2Image", images=1))
    if status != "loading":
        assert (await managed)["body"] == {"error": "No backends available!"}
        return
    assert (await call(own, "GetCurrentStatus"))["status"] == 200
    assert not managed.done()
    for backend in all_of_them.values():
        backend.status = "running"
    swarm.swarm.backends.update(all_of_them)
    assert (await managed)["status"] == 200


async def test_statement_06_the_cookie_counts_and_the_session_id_does_not(
    swarm: RunningSwarm, own: Live, direct: Live
) -> None:
    known = await new_session(own)
    swarm.swarm.token = "right"
    refused = await direct.ask("GET", "/queue", headers={"X-Session-ID": known, "Cookie": "swarm_token=wrong"})
    assert gist(refused) == (401, "text/html")
    assert "Permission denied." in refused["body"]
    assert "comfy-failed-to-load" in refused["body"]
    assert (await direct.ask("GET", "/queue", headers={"Cookie": "swarm_token=right"}))["status"] == 200


async def test_statement_07_required_authorization_is_401_in_plain_text_everywhere(
    swarm: RunningSwarm, own: Live
) -> None:
    swarm.swarm.authorization = "Bearer x"
    for path in ("/API/GetNewSession", "/ComfyBackendDirect/queue", "/View/local/_comfy0/x.mp3"):
        answer = await own.ask("POST" if "API" in path else "GET", path)
        assert (*gist(answer), answer["body"]) == (401, "text/plain; charset=utf-8", "Unauthorized")
        assert (await own.ask("GET", path, headers={"Authorization": "Bearer x"}))["status"] != 401


async def test_statement_08_only_the_type_passes_and_ranges_are_for_view(own: Live, direct: Live) -> None:
    run = await direct.run(silence(direct.seconds(), prefix=f"eight/{direct.token}"))
    file = run["entry"]["outputs"]["2"]["audio"][0]
    part = {"Range": "bytes=0-9"}
    url = f"/view?filename={file['filename']}&subfolder=eight&type=output"
    whole = await direct.ask("GET", url, headers=part)
    assert gist(whole) == (200, "audio/mpeg")
    assert not {"Content-Length", "Content-Range", "Content-Disposition", "ETag"} & set(whole["headers"])
    viewed = await own.ask("GET", f"/View/local/_comfy0/eight/{file['filename']}", headers=part)
    assert (viewed["status"], viewed["headers"]["Content-Length"]) == (206, "10")


async def test_statement_09_an_unknown_prompt_is_200_and_empty_also_where_another_backend_has_it(direct: Live) -> None:
    assert (await direct.history("unknown"))["body"] == {}
    run = await direct.run(silence(direct.seconds()))
    prompt_id = run["submit"]["body"]["prompt_id"]
    elsewhere = await direct.ask("GET", f"/history/{prompt_id}", headers=pin(1))
    assert (elsewhere["status"], elsewhere["body"]) == (200, {})


async def test_statement_10_a_header_pins_and_an_unknown_number_is_400_as_a_page(
    hosts: list[tuple[NodeHost, Path]], direct: Live
) -> None:
    before = [len(host.history()) for host, _ in hosts]
    await direct.ask("POST", "/prompt", json={"prompt": silence(direct.seconds())}, headers=pin(1))
    while (await direct.ask("GET", "/prompt", headers=pin(1)))["body"]["exec_info"]["queue_remaining"]:
        pass
    assert [len(host.history()) for host, _ in hosts] == [before[0], before[1] + 1]
    assert gist(await direct.ask("GET", "/queue", headers=pin(7))) == HTML_400


async def test_statement_11_a_file_is_looked_for_everywhere_only_by_its_name_first(
    hosts: list[tuple[NodeHost, Path]], direct: Live
) -> None:
    (hosts[1][1] / "eleven.mp3").write_bytes(b"ID3")
    multi = {"Cookie": "comfy_domulti=true"}
    for query, headers, status in (
        ("filename=eleven.mp3&type=output", multi, 200),
        ("type=output&filename=eleven.mp3", multi, 404),
        ("filename=eleven.mp3&type=output", {}, 404),
    ):
        assert (await direct.ask("GET", f"/view?{query}", headers=headers))["status"] == status, (query, headers)


async def test_statement_12_the_first_message_has_our_id_and_is_indented_and_queues_are_summed(
    swarm: RunningSwarm, session: aiohttp.ClientSession, direct: Live
) -> None:
    both = {"Cookie": "comfy_domulti=true"}
    url = f"{swarm.direct.replace('http', 'ws', 1)}/ws?clientId=twelve"
    async with session.ws_connect(url, headers=both) as socket:
        text = await socket.receive_str()
        assert "\n  " in text
        assert json.loads(text)["data"]["sid"] == "twelve"
        ids = []
        for number in (0, 1):
            prompt = {"prompt": long_piece(direct.fresh(), 30.0)}
            answer = await direct.ask("POST", "/prompt", json=prompt, headers=pin(number))
            ids.append(answer["body"]["prompt_id"])
        remaining = 0
        while remaining < 2:
            status = json.loads(await socket.receive_str())["data"].get("status")
            remaining = status["exec_info"]["queue_remaining"] if status else remaining
        for number, prompt_id in enumerate(ids):
            await direct.ask("POST", "/interrupt", json={"prompt_id": prompt_id}, headers=pin(number))


async def test_statement_13_events_come_twice_and_a_backend_that_dies_closes_with_1011(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with NodeHost(tmp_path / "host") as host, RunningSwarm(Behind(host.url)) as swarm:
        swarm.swarm.switches.repeats_events = True
        live = Live(swarm.direct, session)
        async with live.ear("thirteen") as ear:
            run = await live.run_heard(ear, silence(live.seconds()))
            nodes = [event["data"]["node"] for event in run["ws"] if event["type"] == "executing"]
            assert nodes[:4] == ["1", "1", "2", "2"]
            host.kill()
            await ear._task
            assert ear.socket.close_code == 1011


async def test_statement_14_a_socket_without_a_backend_ends_without_a_word(
    swarm: RunningSwarm, session: aiohttp.ClientSession
) -> None:
    swarm.swarm.backends[0] = Behind("http://127.0.0.1:9", type="comfyui_api")
    async with session.ws_connect(f"{swarm.direct.replace('http', 'ws', 1)}/ws?clientId=x") as socket:
        message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
        assert socket.close_code == 1006


async def test_statement_15_a_prompt_of_an_unknown_client_goes_to_the_first_and_refusals_pass(
    swarm: RunningSwarm, direct: Live
) -> None:
    answer = await direct.submit(silence(direct.seconds()), "nobody", prompt_id=str(uuid.uuid4()))
    assert answer["status"] == 200
    assert swarm.swarm.direct.improper == 1
    refused = await direct.submit({}, "nobody")
    assert (refused["status"], refused["body"]["error"]["type"]) == (400, "prompt_no_outputs")


async def test_statement_16_swarmuis_own_refusal_is_a_text(swarm: RunningSwarm, direct: Live) -> None:
    swarm.swarm.backends[0].max_usages = 0
    answer = await direct.submit(silence(direct.seconds()))
    assert answer["status"] == 400
    assert answer["body"]["error"].startswith("[SwarmUI] ")


async def test_statement_17_an_interrupt_names_its_prompt_or_fails(swarm: RunningSwarm, direct: Live) -> None:
    assert nothing_in(await direct.ask("POST", "/interrupt", data=b""))
    assert (await direct.ask("POST", "/interrupt", json={}))["status"] == 200
    async with direct.ear("seventeen"):
        assert nothing_in(await direct.ask("POST", "/interrupt", json={}))
        assert (await direct.ask("POST", "/interrupt", json={"prompt_id": "p"}))["status"] == 200
        swarm.swarm.switches.interrupt_needs_id = False
        assert (await direct.ask("POST", "/interrupt", json={}))["status"] == 200


async def test_a_dead_comfyui_by_its_address_goes_on_running_and_is_answered_for_in_two_ways(
    swarm: RunningSwarm, own: Live, direct: Live
) -> None:
    swarm.swarm.backends[0] = Behind("http://127.0.0.1:9", type="comfyui_api")
    assert (await call(own, "ListBackends"))["body"]["0"]["status"] == "running"
    asked = await direct.ask("GET", "/queue", headers=pin(0))
    assert gist(asked) == (500, "text/html; charset=utf-8")
    assert "Internal Server Error" in asked["body"]
    assert nothing_in(await direct.ask("POST", "/prompt", json={"prompt": {}}, headers=pin(0)))
    swarm.swarm.backends[0].settings["AllowIdle"] = True
    assert (await call(own, "ListBackends"))["body"]["0"]["status"] == "idle"


async def test_statement_25_direct_prompts_are_neither_counted_nor_interrupted(own: Live, direct: Live) -> None:
    async with direct.ear("twentyfive") as ear:
        prompt_id = (await direct.submit(long_piece(direct.fresh(), 20.0), "twentyfive"))["body"]["prompt_id"]
        await ear.until(lambda event: event["type"] == "progress", "progress")
        assert (await call(own, "GetCurrentStatus"))["body"]["status"]["live_gens"] == 0
        assert (await call(own, "InterruptAll", other_sessions=True))["status"] == 200
        running = (await direct.ask("GET", "/queue"))["body"]["queue_running"]
        assert [row[1] for row in running] == [prompt_id]
        await direct.ask("POST", "/interrupt", json={"prompt_id": prompt_id})


async def test_statement_26_errored_with_a_running_backend_still_serves(
    swarm: RunningSwarm, own: Live, direct: Live
) -> None:
    swarm.swarm.backends[1].status = "errored"
    assert (await call(own, "GetCurrentStatus"))["body"]["backend_status"]["status"] == "errored"
    assert (await direct.ask("GET", "/queue"))["status"] == 200
