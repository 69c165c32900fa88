"""With which config a take is made: the asked one where a backend can, else a declared fallback, never in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from devserver.errors import StageError
from devserver.model.plan import OutputPlan
from devserver.stages.graph.choose import another, choose, tell_differences
from devserver.stages.walk import Walk, WalkSettings
from tests.comfy import backend as scripted
from tests.devserver.plans import RUN_ID
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S

FLOAT, INT, TEXT = ["FLOAT", {}], ["INT", {}], ["STRING", {}]
SILENCE: dict[str, Any] = {
    "EmptyAudio": {
        "input": {"required": {"duration": FLOAT, "sample_rate": INT, "channels": INT}},
        "output": ["AUDIO"],
    },
    "SaveAudioMP3": {
        "input": {"required": {"audio": ["AUDIO"], "filename_prefix": TEXT, "quality": [["V0", "128k", "320k"]]}},
        "output": [],
        "output_node": True,
    },
}


@pytest.fixture
async def walk(walk: Walk) -> AsyncIterator[Walk]:
    """A walk that waits for no backend."""
    walk.tools = replace(walk.tools, settings=WalkSettings(backend_wait_s=0))
    yield walk
    await walk.tools.pool.close()


def let_know(host: scripted.Backend, classes: dict[str, Any]) -> str:
    """Let a backend answer with these node classes; its address."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(classes if request.path == "/object_info" else {"system": {}})

    host.answers["GET", "/object_info"] = host.answers["GET", "/system_stats"] = answer
    return host.url


@pytest.fixture
def output(walk: Walk) -> OutputPlan:
    return walk.plan.outputs[0]


def with_fallback(output: OutputPlan, *, allowed: bool = True) -> OutputPlan:
    """The output after one that no backend can make."""
    node = {"class_type": "Zither", "inputs": {}}
    option = output.options[0].model_copy(update={"config": "zither", "graph": {"1": node}})
    return output.model_copy(update={"options": (option, *output.options), "fallback": allowed})


async def chosen(walk: Walk, output: OutputPlan, decided: tuple[str, str] | None = None) -> tuple[list[str], str]:
    """Decide; return the backends that can make it then, and the config."""
    demand = await choose(walk, walk.place("generation", 1), output, decided)
    (config,) = {option.config for option in demand.options}
    return [choice.backend.name for choice in walk.tools.turns.choices(demand)], config


async def codes(walk: Walk) -> list[str]:
    return [one.code for one in await walk.read(lambda reading: reading.warnings(RUN_ID))]


async def test_every_backend_that_has_all_of_it_may_make_it_without_a_word(walk: Walk, output: OutputPlan) -> None:
    add_backend(walk.tools.pool, "poor")
    for name in ("rich", "richer"):
        add_backend(walk.tools.pool, name, classes=SILENCE)
    assert await chosen(walk, output) == (["rich", "richer"], "silence_mp3")
    assert await codes(walk) == []


async def test_one_that_turned_a_prompt_away_makes_it_only_where_no_other_can(walk: Walk, output: OutputPlan) -> None:
    first, second = (add_backend(walk.tools.pool, name, classes=SILENCE) for name in ("first", "second"))
    first.note_rejection()
    assert (await chosen(walk, output))[0] == ["second"]
    second.state = "down"
    assert (await chosen(walk, output))[0] == ["first"]


async def test_a_fallback_is_used_and_told_with_what_was_missing(
    walk: Walk, output: OutputPlan, host: scripted.Backend
) -> None:
    add_backend(walk.tools.pool, classes=SILENCE, url=let_know(host, SILENCE))
    assert await chosen(walk, with_fallback(output)) == (["gpu"], "silence_mp3")
    (warning,) = await walk.read(lambda reading: reading.warnings(RUN_ID))
    told: dict[str, Any] = warning.as_json()
    assert (told["code"], told["asked"], told["used"]) == ("fallback", "zither", "silence_mp3")
    assert told["missing"]["gpu"]["nodes"] == ["Zither"]
    nodes = {"names": "Zither", "nodes": ["Zither"]}
    lacks = {"message": "lacks the nodes Zither", "code": "fits_lacks_nodes", "values": nodes}
    values = {"backend": "gpu", "lacks": "lacks the nodes Zither", "lacks_parts": [lacks]}
    part = {"message": "gpu lacks the nodes Zither", "code": "fits_lacks", "values": values}
    assert (told["reason"], told["values"]["reason_parts"]) == (part["message"], [part])


async def test_where_no_fallback_is_allowed_a_lack_ends_the_take_with_what_is_missing(
    walk: Walk, output: OutputPlan, host: scripted.Backend
) -> None:
    add_backend(walk.tools.pool, classes=SILENCE, url=let_know(host, SILENCE))
    with pytest.raises(StageError, match="gpu lacks the nodes Zither") as caught:
        await chosen(walk, with_fallback(output, allowed=False))
    assert (caught.value.code, caught.value.status) == ("nodes_missing", 409)


async def test_a_backend_is_asked_again_before_it_is_said_to_lack_something(
    walk: Walk, output: OutputPlan, host: scripted.Backend
) -> None:
    add_backend(walk.tools.pool, classes={"Other": {"input": {}}}, url=let_know(host, SILENCE))
    assert await chosen(walk, output) == (["gpu"], "silence_mp3")


async def test_one_that_stays_silent_ends_the_take_and_is_named(walk: Walk, output: OutputPlan) -> None:
    add_backend(walk.tools.pool, state="unknown")
    with pytest.raises(StageError, match="gpu did not answer") as caught:
        await chosen(walk, output)
    assert (caught.value.code, caught.value.details["silent"]) == ("backend_unreachable", ["gpu"])
    parts: Any = caught.value.as_failure().values["reason_parts"]
    (part,) = parts
    assert (part["code"], part["values"]["backend"]) == ("fits_did_not_answer_because", "gpu")


async def test_a_silent_one_is_waited_for_and_the_user_is_told(walk: Walk, output: OutputPlan) -> None:
    walk.tools = replace(walk.tools, settings=WalkSettings(backend_wait_s=PATIENCE_S))
    backend = add_backend(walk.tools.pool, classes=SILENCE, state="unknown")
    waiting = asyncio.create_task(chosen(walk, output))
    async with asyncio.timeout(PATIENCE_S):
        while await codes(walk) != ["backend_silent"]:  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0)
    backend.state = "up"
    walk.tools.pool._changed.set()
    assert await asyncio.wait_for(waiting, PATIENCE_S) == (["gpu"], "silence_mp3")


async def test_an_attempt_that_follows_is_made_by_the_config_that_was_decided_on(
    walk: Walk, output: OutputPlan
) -> None:
    other = output.options[0].model_copy(update={"config": "second"})
    both = output.model_copy(update={"options": (*output.options, other)})
    add_backend(walk.tools.pool, classes=SILENCE)
    assert (await chosen(walk, both))[1] == "silence_mp3"
    assert (await chosen(walk, both, decided=other.key))[1] == "second"
    found = another(walk, both, other)
    assert found is not None
    assert found.option.config == "second"


async def test_one_that_follows_does_not_change_to_a_config_that_the_user_was_not_told_of(
    walk: Walk, output: OutputPlan, host: scripted.Backend
) -> None:
    add_backend(walk.tools.pool, classes=SILENCE, url=let_know(host, SILENCE))
    both = with_fallback(output)
    with pytest.raises(StageError, match="No backend can make zither"):
        await chosen(walk, both, decided=both.options[0].key)
    assert another(walk, both, both.options[0]) is None


async def test_a_value_that_the_used_config_does_not_take_is_told(walk: Walk, output: OutputPlan) -> None:
    option = output.options[0].model_copy(update={"left_out": ("bpm",)})
    add_backend(walk.tools.pool, classes=SILENCE)
    output = output.model_copy(update={"options": (option,)})
    demand = await choose(walk, walk.place("generation", 1), output, None)
    assert await codes(walk) == [], "told once it is known where it is made"
    (choice,) = walk.tools.turns.choices(demand)
    await tell_differences(walk, walk.place("generation", 1), choice, output, None)
    assert await codes(walk) == ["left_out_bpm"]


async def test_under_eco_no_backend_on_another_machine_is_used(walk: Walk, output: OutputPlan) -> None:
    remote = add_backend(walk.tools.pool, "far", classes=SILENCE)
    remote.address = replace(remote.address, runs_at="gpu.example.com")
    with pytest.raises(StageError, match="no backend may be used under this execution_mode"):
        await chosen(walk, output)
    walk.plan = walk.plan.model_copy(update={"execution_mode": "fast"})
    remote.state = "up"  # it was asked, where nobody answers
    assert (await chosen(walk, output))[0] == ["far"]
