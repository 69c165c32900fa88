"""What comes in the place of a ComfyUI's answer, from gateways and other programs, ends no run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from devserver.host.host import Host
from devserver.media.intake import IntakePool
from devserver.stages.graph.retries import Retries
from tests.doubles.nginx import Nginx
from tests.doubles.peer_faults import TurnsPromptsAway
from tests.doubles.relay import Relay
from tests.doubles.swarm_direct import NO_COMFYUI
from tests.faults.rig import Studio, attempts_of, codes, failure, rigged, seconds_of, until

Answer = Callable[[web.Request], web.Response]
PATIENT = Retries(attempts=2, first_pause_s=0.02, elsewhere_after_s=0.2)


def says(status: int, text: str = "", kind: str = "text/plain") -> Answer:
    return lambda _request: web.Response(status=status, text=text, content_type=kind)


def hangs_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def is_cut_off(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    return hangs_up(request)


OTHERS_JSON = '{"error": {"message": "no such route", "type": "invalid_request_error", "code": 404, "param": null}}'
ANSWERS: dict[str, Answer] = {
    "nothing with 400": lambda _request: web.Response(status=400),
    "nothing with 200": says(200),
    "SwarmUI's page": says(400, NO_COMFYUI, "text/html"),
    "a gateway's page": says(502, "<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "a page that says 400": says(400, "<html><h1>400 Bad Request</h1></html>", "text/html"),
    "a login": says(200, "<html>Please log in</html>", "text/html"),
    "a login elsewhere": says(302),
    "permission denied": says(401, "<h2>Permission denied.</h2>", "text/html"),
    "too many": says(429, '{"error": "slow down"}', "application/json"),
    "another's error": says(400, OTHERS_JSON, "application/json"),
    "another's text": says(400, '{"error": "[SwarmUI] No functional backend"}', "application/json"),
    "another's details": says(422, '{"detail": [{"msg": "field required"}]}', "application/json"),
    "another's success": says(200, '{"ok": true}', "application/json"),
    "half a refusal": says(400, '{"error": {"type": "prompt_no_outputs", "mess', "application/json"),
    "half an answer": says(200, '{"prompt_id": "', "application/json"),
    "no object": says(400, '["no"]', "application/json"),
    "a lost connection": hangs_up,
    "an answer that is cut off": is_cut_off,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_what_is_no_comfyuis_refusal_of_a_prompt_is_waited_out(
    studio: Studio, exports: Path, intake: IntakePool, answer: Answer
) -> None:
    """It comes more often than a take has attempts: a prompt that nobody took was nobody's to lose."""
    await turn_away(studio, [answer] * 4)
    async with rigged(exports, intake, studio, retries=PATIENT) as rig:
        ended = await rig.run(0.4)
    assert (seconds_of(ended), studio.states()) == (0.4, ["success"])


async def test_a_backend_that_turns_prompts_away_is_asked_after_the_others(
    studio: Studio, tmp_path: Path, exports: Path, intake: IntakePool
) -> None:
    await turn_away(studio, [ANSWERS["nothing with 400"]] * 100)
    async with Studio(tmp_path / "other") as other, rigged(exports, intake, studio, other, retries=PATIENT) as rig:
        moved = await rig.run(0.4)
        assert (seconds_of(moved), attempts_of(moved)) == (0.4, 2)
        assert codes(moved) == ["attempt_1_1_lost"]
        assert "answered 400: nothing" in str(moved.body["warnings"])
        assert seconds_of(await rig.run(0.8)) == 0.8
        assert (len(studio.submitted), len(other.submitted)) == (1, 2)


async def test_a_refusal_in_comfyuis_words_ends_the_run(studio: Studio, exports: Path, intake: IntakePool) -> None:
    words = '{"error": {"type": "prompt_no_outputs", "message": "No", "details": "", "extra_info": {}}}'
    await turn_away(studio, [says(400, words, "application/json")])
    async with rigged(exports, intake, studio, retries=PATIENT) as rig:
        assert "No" in failure(await rig.run(0.4), "graph_refused")


async def turn_away(studio: Studio, answers: list[Answer]) -> None:
    await studio.stop()
    studio.kind = TurnsPromptsAway
    await studio.start()
    assert isinstance(studio.host, TurnsPromptsAway)
    studio.host.answers = answers


# nginx before a ComfyUI that is dead or frozen


@pytest.mark.nginx
@pytest.mark.parametrize("trouble", ["away", "holds"])
async def test_a_dead_comfyui_behind_nginx_is_waited_for(
    studio: Studio, tmp_path: Path, exports: Path, intake: IntakePool, trouble: str
) -> None:
    """The first prompts are sent before anybody knows; they and the next end when the ComfyUI is there again."""
    async with (
        Relay(studio.url) as relay,
        Nginx(tmp_path / "nginx", relay.url) as nginx,
        rigged(exports, intake, nginx.url, probe_s=3600) as rig,
    ):
        assert seconds_of(await rig.run(0.3)) == 0.3
        setattr(relay, trouble, True)
        relay.drop()
        runs = [await rig.accept(0.4 + number / 10) for number in range(3)]
        await until(lambda: rig.backend.state == "down")
        assert {"away": "answered 502", "holds": "answered 504"}[trouble] in rig.backend.problem
        assert "<" not in rig.backend.problem
        setattr(relay, trouble, False)
        ended = [await rig.ended(run_id) for run_id in runs]
    assert [seconds_of(answer) for answer in ended] == [0.4, 0.5, 0.6]
    assert studio.states() == ["success"] * 4


@pytest.mark.nginx
async def test_a_comfyui_behind_nginx_that_dies_under_a_run(
    studio: Studio, tmp_path: Path, exports: Path, intake: IntakePool
) -> None:
    async with Nginx(tmp_path / "nginx", studio.url) as nginx, rigged(exports, intake, nginx.url) as rig:
        studio.gate.hold(1.0)
        run_id = await rig.accept(1.0)
        await until(lambda: studio.running)
        await studio.stop()
        await until(lambda: rig.backend.state == "down")
        studio.kind = Host
        await studio.start()
        answer = await rig.ended(run_id)
        assert (seconds_of(answer), codes(answer)) == (1.0, ["attempt_1_1_lost"])


@pytest.mark.nginx
async def test_a_backend_is_up_when_its_comfyui_has_spoken(tmp_path: Path, exports: Path, intake: IntakePool) -> None:
    """nginx listens, takes connections and answers all that is asked: that alone is no backend."""
    async with Nginx(tmp_path / "nginx", "http://127.0.0.1:9") as nginx, rigged(exports, intake, nginx.url) as rig:
        assert (rig.backend.state, rig.backend.silent) == ("down", True)
        run_id = await rig.accept(0.4)
        await until(lambda: rig.detail(run_id)["warnings"])
        assert rig.answer(run_id).status == 202
        await rig.app.runs.cancel(run_id, "local")
        await asyncio.wait_for(rig.ended(run_id), 30)
