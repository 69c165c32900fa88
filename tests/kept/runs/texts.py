"""What language models do in a run, and what is done without them where they fail."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.doubles.llm import LlmServer, Say, answer, echo
from tests.doubles.programs import NodeHost, Server
from tests.kept.runs.ends import until
from tests.kept.runs.listening import kinds_of
from tests.kept.runs.plain import plain
from tests.kept.runs.seen import made, seen
from tests.kept.scenario import Scenario

WORDS: Final = {"en": "x", "de": "x"}
POEM: Final = {"instruction": "Make a poem of it.", "temperature": 0.3}
DEFINITIONS: Final[dict[str, Any]] = {
    "configs/interception/poem.yaml": {"rule": {"kind": "cut_up"}, "llm": POEM},
    "configs/output/english.yaml": {
        "pipeline": "text_to_audio",
        "chunk": "silence_mp3",
        "wants": "en",
        "run_timeout_s": 60,
    },
}
TEXT: Final = "ein ruhiges Lied über den Regen"
ASKED: Final[dict[str, Any]] = {"schema": "poem", "input_text": TEXT, "seed": 9}
SILENCE: Final[dict[str, Any]] = {"output_config": "silence_mp3", "params": {"seconds": 1}}
GONE: Final = {
    "name": "gone",
    "url": "http://127.0.0.1:9/v1",
    "model": "big",
    "remote": True,
    "steps": ["translation"],
}


@contextmanager
def _served(folder: Path, model: LlmServer, **settings: Any) -> Iterator[Server]:
    definitions = folder / "definitions"
    for name, content in DEFINITIONS.items():
        path = definitions / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"label": WORDS, "description": WORDS, **content}))
    with NodeHost(folder / "host") as host:
        given = {"definitions": [str(definitions)], "backends": [{"name": "host", "url": host.url}], **settings}
        with Server(folder / "exports", embedded=False, llm_timeout_s=3, **given) as server:
            model.asked.clear()
            yield server


def _with(model: LlmServer, server: Server, *says: Say, **body: Any) -> dict[str, Any]:
    """Return what is to be seen of a run in which the model says this, and what it was asked."""
    model.says = list(says) or [echo("Poem: ")]
    model.asked.clear()
    told = made(server, **{**ASKED, **body})
    asked = [[message["content"] for message in one["messages"]] for one in model.asked]
    return {**told, "asked": asked}


def _local(folder: Path) -> dict[str, Any]:
    failures = {
        "llm_says_no_json": Say("A poem without JSON."),
        "llm_says_nothing": Say(""),
        "llm_declines": Say("I'm sorry, but I can't help with that."),
        "llm_sends_a_page": Say(kind="html"),
        "llm_says_another_shape": answer(poem="rain"),
        "llm_is_cut_off": Say('{"text": "rain and', finish="length"),
        "llm_is_too_slow": Say(answer(text="rain and rain").content, kind="hang"),
        "llm_answers_404": Say("no such model", status=404),
    }
    with LlmServer([echo("")]) as model:
        llms = [{"name": "here", "url": model.url, "model": "tiny", "keep_alive": 0}]
        with _served(folder, model, llms=llms) as server:
            texts = (answer(text="Regen, sanft"), answer(text="Rain, softly", language="de"))
            cases = {"rewritten_and_translated": _with(model, server, *texts, output_config="english")}
            for name, say in failures.items():
                cases[name] = _with(model, server, say, **SILENCE)
            cases["llm_failed"] = _with(model, server, Say("out of memory", status=500), fallback=False, **SILENCE)
            murder = answer(text="Then he murdered the king")
            cases["blocked_text_of_a_model"] = _with(model, server, murder, safety_level="kids", **SILENCE)
            cases["rerun"] = _rerun(model, server)
            cases["text_as_it_grows"] = _streamed(model, server)
            cases["cancelled_while_a_model_speaks"] = _cancelled(model, server)
    return cases


def _rerun(model: LlmServer, server: Server) -> dict[str, Any]:
    model.says = [echo("Poem: ")]
    _, first = server.execute(**ASKED, **SILENCE)
    model.asked.clear()
    _, told = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
    return {**seen(server, told["run_id"]), "asked": model.asked}


def _streamed(model: LlmServer, server: Server) -> dict[str, Any]:
    model.says = [answer(text="rain " * 40)]
    body = json.dumps({**ASKED, **SILENCE, "enable_streaming": True}).encode()
    way = f"{server.url}/api/schema/pipeline/execute"
    request = urllib.request.Request(way, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        kinds = [kind for kind in kinds_of(response) if kind != "queue"]  # one comes where the queue changes meanwhile
        return {"status": response.status, "type": response.headers["Content-Type"], "kinds": kinds}


def _cancelled(model: LlmServer, server: Server) -> dict[str, Any]:
    model.says = [Say(answer(text="rain and rain").content, kind="hang")]
    model.talking.clear()
    model.asked.clear()
    _, told = server.execute(**ASKED, **SILENCE, wait=False)
    until(model.talking.is_set)
    server.call("POST", f"/api/runs/{told['run_id']}/cancel")
    return seen(server, told["run_id"])


def _checking(folder: Path) -> dict[str, Any]:
    """Two remote models, of which the first is never there; they check texts too."""
    refused = answer(allowed=False, category="violence", reason="It praises a fight.")
    fast: dict[str, Any] = {"execution_mode": "fast", **SILENCE}
    with LlmServer([echo("")]) as model:
        far = {"name": "far", "url": model.url, "model": "big", "remote": True, "api_key": "secret"}
        with _served(folder, model, llms=[GONE, far], llm_check=True) as server:
            english: dict[str, Any] = {"output_config": "english"}
            return {
                "eco_asks_nobody": _with(model, server, **english),
                "llm_missing": _with(model, server, fallback=False, **SILENCE),
                "fast_asks_the_next_one": _with(model, server, **english, execution_mode="fast"),
                "blocked_by_a_verdict": _with(model, server, refused, **fast, safety_level="youth"),
                "check_failed": _with(model, server, Say("yes, fine"), **fast, safety_level="kids"),
                "check_left_out": _with(model, server, Say("yes, fine"), **fast, safety_level="adult"),
                "check_passed": _with(model, server, **fast, safety_level="kids"),
            }


class NoOllama(LlmServer):
    """Speaks as OpenAI alone, so it is never told to free its memory."""

    async def _generate(self, _request: web.Request) -> web.Response:
        return web.Response(status=404)


def _no_ollama(folder: Path) -> dict[str, Any]:
    """A model that keeps its memory, and one that reads a text and says what no brief can have."""
    with NoOllama([echo("Poem: ")]) as model:
        llms = [{"name": "here", "url": model.url, "model": "tiny", "keep_alive": 0}]
        with _served(folder, model, llms=llms) as server:
            cases = {"llm_keeps_its_memory": _with(model, server, **SILENCE)}
            model.says = [answer(bpm=9000, mood="calm", genre="ambient")]
            model.asked.clear()
            told = server.call("POST", "/api/prompt/parse", {"text": TEXT, "llm": True})
            cases["a_text_that_is_read"] = {"parse": plain(told), "asked": len(model.asked)}
    return cases


SCENARIOS: Final = (
    Scenario("runs/texts/local", _local),
    Scenario("runs/texts/checking", _checking),
    Scenario("runs/texts/no_ollama", _no_ollama),
)
