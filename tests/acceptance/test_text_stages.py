"""Runs through all text stages: a server process, a fake of a server of language models, and a node host that shows
what reached a backend."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.llm import LlmServer, Say, answer, echo
from tests.doubles.programs import NodeHost, Server
from tests.patience import PATIENCE_S

DEFINITIONS = {
    "configs/interception/poem.yaml": """\
label: {en: Poem, de: Gedicht}
description: {en: A poem., de: Ein Gedicht.}
rule: {kind: cut_up}
llm: {instruction: Make a poem of it., temperature: 0.3}
""",
    "configs/interception/letter.yaml": """\
label: {en: Letter, de: Brief}
description: {en: A letter., de: Ein Brief.}
rule: {kind: plain}
llm: {instruction: Make a letter of it.}
""",
    "terms/house_en.yaml": """\
category: house
language: en
label: {en: rules of the house, de: Hausordnung}
terms:
  youth: [pineapple pizza]
""",
    "configs/output/english.yaml": """\
label: {en: English, de: Englisch}
description: {en: A tone., de: Ein Ton.}
pipeline: text_to_audio
chunk: silence_mp3
wants: en
run_timeout_s: 60
""",
}
WORDS = "ein ruhiges Lied über den Regen"
SILENCE = {"output_config": "silence_mp3"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("definitions")
    for name, text in DEFINITIONS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def model() -> Iterator[LlmServer]:
    with LlmServer([echo("")]) as running:
        yield running


@pytest.fixture
def llm(model: LlmServer) -> LlmServer:
    """The fake, as if it had just been started."""
    model.says = [echo("Poem: ")]
    for memory in (model.asked, model.headers, model.released):
        memory.clear()
    model.hung_up.clear()
    model.talking.clear()
    return model


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeHost]:
    with NodeHost(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, definitions: Path, model: LlmServer, host: NodeHost
) -> Iterator[Server]:
    """A model on this machine, no check by it."""
    llms = [{"name": "here", "url": model.url, "model": "tiny", "keep_alive": 0}]
    settings: dict[str, Any] = {"llms": llms, "llm_timeout_s": 3, "definitions": [str(definitions)]}
    backends = [{"name": "host", "url": host.url}]
    with Server(tmp_path_factory.mktemp("exports"), embedded=False, backends=backends, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def checking(
    tmp_path_factory: pytest.TempPathFactory, definitions: Path, model: LlmServer, host: NodeHost
) -> Iterator[Server]:
    """Two remote models, used in mode fast alone; they check texts too. The first one is never there."""
    gone = {"name": "gone", "url": "http://127.0.0.1:9/v1", "model": "big", "remote": True, "steps": ["translation"]}
    far = {"name": "far", "url": model.url, "model": "big", "remote": True, "api_key": "secret"}
    settings: dict[str, Any] = {"llms": [gone, far], "llm_check": True, "definitions": [str(definitions)]}
    backends = [{"name": "host", "url": host.url}]
    with Server(tmp_path_factory.mktemp("exports"), embedded=False, backends=backends, **settings) as running:
        yield running


def stage(server: Server, run_id: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in server.run(run_id)["stages"] if each["name"] == name)
    return found


def codes(body: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in body["warnings"]]


def test_the_model_rewrites_and_translates_and_the_record_says_which(server: Server, llm: LlmServer) -> None:
    llm.says = [answer(text="Regen, sanft"), answer(text="Rain, softly", language="de")]
    status, body = server.execute(schema="poem", input_text=WORDS, output_config="english", safety_level="kids", seed=9)
    assert status == 200, body
    assert (body["input_text"], body["final_output"], body["warnings"]) == (WORDS, "Rain, softly", [])
    rewritten = stage(server, body["run_id"], "interception")["result"]
    told = {"endpoint": "here", "model": "tiny", "remote": False, "seed": 9, "temperature": 0.3, "attempts": 1}
    assert rewritten == {"text": "Regen, sanft", "llm": told}
    translated = stage(server, body["run_id"], "translation")["result"]
    assert (translated["original"], translated["text"], translated["language"]) == (
        "Regen, sanft",
        "Rain, softly",
        "de",
    )
    assert [asked["messages"][1]["content"] for asked in llm.asked] == [WORDS, "Regen, sanft"]
    files = {entity["filename"] for entity in server.run(body["run_id"])["entities"]}
    assert files >= {"03_safety_input.json", "04_interception.txt", "05_safety_output.json", "07_output_audio.mp3"}
    assert [name for name in files if "translation" in name] == ["08_translation.txt"]


def test_the_text_can_be_seen_as_it_grows(server: Server, llm: LlmServer) -> None:
    listened = threading.Event()  # what grew before somebody listened is not told again

    def say(_: object) -> str:
        listened.wait(PATIENCE_S)
        return json.dumps({"text": "rain " * 40})

    llm.says = [Say(say)]
    body = b'{"input_text": "x", "schema": "poem", "output_config": "silence_mp3", "enable_streaming": true}'
    request = urllib.request.Request(
        f"{server.url}/api/schema/pipeline/execute", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        begun = response.readline()
        while b"event:" not in begun:
            begun += response.readline()
        listened.set()
        stream = (begun + response.read()).decode()
    assert "event: text.delta" in stream
    grown = next(block for block in stream.split("\n\n") if "event: text.delta" in block)
    assert '"stage":"interception"' in grown.replace(" ", "")


def test_memory_is_freed_before_media_are_made(server: Server, llm: LlmServer) -> None:
    server.execute(schema="poem", input_text="x", **SILENCE)
    assert llm.released == [{"model": "tiny", "keep_alive": 0}]


def test_a_rerun_takes_the_recorded_text_and_asks_nobody(server: Server, llm: LlmServer) -> None:
    _, first = server.execute(schema="poem", input_text=WORDS, **SILENCE)
    asked = len(llm.asked)
    _, started = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
    _, second = server.ended(started["run_id"])
    assert second["final_output"] == first["final_output"] == f"Poem: {WORDS}"
    assert len(llm.asked) == asked == 1


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (Say("A poem without JSON."), "answers without JSON: A poem"),
        (answer(poem="x"), "another shape: text: Field required"),
        (Say(""), "said nothing"),
        (Say("I'm sorry, but I can't help with that."), "declines"),
        (Say(kind="html"), "web page"),
        (Say("no such model", status=404), "404: no such model"),
        (replace(answer(text="rain and rain"), kind="hang"), "no whole answer within 3 s"),
    ],
)
def test_a_model_that_fails_is_replaced_by_the_rule_and_said_so(
    server: Server, llm: LlmServer, say: Say, words: str
) -> None:
    llm.says = [say]
    status, body = server.execute(schema="poem", input_text="one two three four", **SILENCE)
    assert status == 200, body
    assert sorted(body["final_output"].split()) == ["four", "one", "three", "two"]
    (warning,) = [each for each in body["warnings"] if each["code"] == "llm_failed"]
    assert (warning["asked"], warning["used"]) == ("poem", "cut_up")
    assert words in warning["message"]


def test_who_allows_no_fallback_hears_502_with_what_was_wrong(server: Server, llm: LlmServer) -> None:
    llm.says = [Say("out of memory", status=500)]
    status, body = server.execute(schema="poem", input_text="x", fallback=False, **SILENCE)
    assert (status, body["status"], body["error"]["code"]) == (502, "failed", "llm_failed")
    assert body["error"]["details"]["problems"][0]["code"] == "http_problem"
    assert "out of memory" in body["error"]["message"]


def test_what_the_model_wrote_is_checked_before_it_reaches_a_backend(
    server: Server, llm: LlmServer, host: NodeHost
) -> None:
    before = host.history().keys()
    llm.says = [answer(text="Then he murdered the king")]
    status, body = server.execute(schema="poem", input_text="a fairy tale", safety_level="kids", **SILENCE)
    assert (status, body["status"], body["error"]["stage"]) == (403, "blocked", "safety_output")
    assert body["error"]["details"]["rule"] == "murder"
    assert host.history().keys() == before


def test_a_blocked_run_is_recorded_with_rule_and_category_and_reaches_no_backend(
    server: Server, llm: LlmServer, host: NodeHost
) -> None:
    before = host.history().keys()
    status, body = server.execute(schema="poem", input_text="K1LL them all", safety_level="kids", **SILENCE)
    assert (status, body["status"], body["error"]["code"]) == (403, "blocked", "blocked")
    details = body["error"]["details"]
    assert (details["stage"], details["rule"], details["category"]) == ("safety_input", "kill", "violence")
    kept = server.run(body["run_id"])
    assert (kept["status"], kept["error"]["details"]["rule"]) == ("blocked", "kill")
    assert llm.asked == []
    assert host.history().keys() == before


def test_words_in_a_parameter_are_checked_too(server: Server, host: NodeHost) -> None:
    before = host.history().keys()
    wanted = {"input_text": "a lullaby", "safety_level": "kids", "output_config": "procedural_instrumental"}
    status, body = server.execute(**wanted, params={"prompt": "murder ballad"})
    assert (status, body["error"]["stage"], body["error"]["details"]["rule"]) == (403, "safety_input", "murder")
    assert "The parameter prompt contains murder" in body["error"]["message"]
    assert host.history().keys() == before


def test_a_list_of_ones_own_adds_to_the_shipped_ones(server: Server) -> None:
    wanted = {"input_text": "an ode to pineapple pizzas", **SILENCE}
    status, body = server.execute(**wanted, safety_level="youth")
    assert (status, body["error"]["details"]["category"]) == (403, "house")
    assert "rules of the house" in body["error"]["message"]
    assert server.execute(**wanted, safety_level="adult")[0] == 200


def test_a_cancel_hangs_up(server: Server, llm: LlmServer) -> None:
    llm.says = [replace(answer(text="rain and rain"), kind="hang")]
    _, started = server.execute(schema="poem", input_text="x", wait=False, **SILENCE)
    assert llm.talking.wait(20)
    server.call("POST", f"/api/runs/{started['run_id']}/cancel")
    assert server.ended(started["run_id"])[1]["status"] == "cancelled"
    assert llm.hung_up.wait(20)


def test_eco_never_asks_a_remote_model_and_says_what_it_did_instead(checking: Server, llm: LlmServer) -> None:
    _, body = checking.execute(schema="letter", input_text=WORDS, output_config="english")
    assert (body["final_output"], codes(body)) == (WORDS, ["llm_missing", "llm_missing"])
    assert ["remote" in warning["message"] for warning in body["warnings"]] == [True, True]
    assert "passes unchanged" in body["warnings"][0]["message"]
    status, body = checking.execute(schema="letter", input_text=WORDS, fallback=False, **SILENCE)
    assert (status, body["error"]["code"]) == (409, "llm_missing")
    assert llm.asked == []


def test_fast_asks_it_and_goes_on_to_the_next_one_where_one_fails(checking: Server, llm: LlmServer) -> None:
    _, body = checking.execute(schema="letter", input_text="hello", output_config="english", execution_mode="fast")
    assert body["final_output"] == "Poem: Poem: hello"
    assert codes(body) == ["llm_other"]
    assert body["warnings"][0]["used"] == "far"
    assert llm.headers[0]["Authorization"] == "Bearer secret"
    assert llm.released == []


def test_a_verdict_blocks_with_its_category(checking: Server, llm: LlmServer, host: NodeHost) -> None:
    before = host.history().keys()
    llm.says = [answer(allowed=False, category="violence", reason="It praises a fight.")]
    wanted = {"input_text": "a bar brawl", "execution_mode": "fast", "safety_level": "youth"}
    status, body = checking.execute(**wanted, **SILENCE)
    assert (status, body["error"]["code"], body["error"]["stage"]) == (403, "blocked", "safety_input")
    details = body["error"]["details"]
    assert (details["rule"], details["category"]) == ("llm_check", "violence")
    assert "It praises a fight." in body["error"]["message"]
    assert "The level is: youth" in llm.asked[0]["messages"][0]["content"]
    assert host.history().keys() == before


@pytest.mark.parametrize("level", ["youth", "kids"])
def test_a_check_that_fails_blocks_where_the_level_demands_it(
    checking: Server, llm: LlmServer, host: NodeHost, level: str
) -> None:
    before = host.history().keys()
    llm.says = [Say("yes, fine")]
    status, body = checking.execute(input_text="a lullaby", execution_mode="fast", safety_level=level, **SILENCE)
    assert (status, body["status"], body["error"]["code"]) == (403, "blocked", "check_failed")
    assert "requires that" in body["error"]["message"]
    assert "answers without JSON: yes, fine" in body["error"]["message"]
    assert host.history().keys() == before


def test_at_another_level_a_check_that_fails_is_a_warning(checking: Server, llm: LlmServer) -> None:
    llm.says = [Say("yes, fine")]
    status, body = checking.execute(input_text="a lullaby", execution_mode="fast", safety_level="adult", **SILENCE)
    assert (status, codes(body)) == (200, ["llm_failed", "llm_failed"])
    assert "term lists alone" in body["warnings"][0]["message"]


def test_a_check_that_passes_is_recorded(checking: Server, llm: LlmServer) -> None:
    _, body = checking.execute(input_text="a lullaby", execution_mode="fast", safety_level="kids", **SILENCE)
    assert (body["status"], body["warnings"]) == ("success", [])
    check = stage(checking, body["run_id"], "safety_output")["result"]["check"]
    assert (check["made"], check["allowed"], check["llm"]["endpoint"]) == (True, True, "far")
    assert len(llm.asked) == 2


def test_off_checks_nothing(checking: Server, llm: LlmServer) -> None:
    _, body = checking.execute(input_text="a murder ballad", execution_mode="fast", safety_level="off", **SILENCE)
    assert body["status"] == "success"
    assert llm.asked == []
