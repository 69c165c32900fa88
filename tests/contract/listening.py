"""Transcripts 05 and 06: what a websocket hears when it joins late, comes back or has a twin."""

from __future__ import annotations

from typing import Any

from tests.contract.live import Event, Live, long_piece
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import event_shapes, kinds_in_order, shape, transcript

SECONDS = 6.0


def _return_written() -> Record:
    written = transcript("06")
    return {
        "back": written["reconnect_same_id_mid_run"]["second"],
        "back_id": "reconn-1",
        "after_the_end": written["reconnect_after_finish"],
    }


async def _return_played(live: Live) -> Record:
    me = f"back-{live.token}"
    async with live.ear(me) as ear:
        prompt_id = (await live.submit(long_piece(live.fresh(), SECONDS), me))["body"]["prompt_id"]
        await ear.until(_is_progress, "progress")
    async with live.ear(me) as ear:
        await ear.end_of(prompt_id)
        back = list(ear.events)
    async with live.ear(me) as ear:
        return {"back": back, "back_id": me, "after_the_end": list(ear.events)}


def _is_progress(event: Event) -> bool:
    return bool(event["type"] == "progress")


def _twins_written() -> Record:
    twins: Record = transcript("06")["twin_sockets_same_id"]
    return twins


async def _twins_played(live: Live) -> Record:
    twin = f"twin-{live.token}"
    async with live.ear(twin) as older, live.ear(twin) as newer:
        prompt_id = (await live.submit(long_piece(live.fresh(), 1.0), twin))["body"]["prompt_id"]
        await newer.end_of(prompt_id)
        return {"older": list(older.events), "newer": list(newer.events)}


def _gone_written() -> Record:
    (entry,) = transcript("06")["disconnect_for_good"]["body"].values()
    return {"status": entry["status"]}


async def _gone_played(live: Live) -> Record:
    async with live.ear(f"gone-{live.token}") as ear, live.ear() as witness:
        prompt_id = (await live.submit(long_piece(live.fresh(), SECONDS), ear.client_id))["body"]["prompt_id"]
        await ear.until(_is_progress, "progress")
        await ear.close()
        await witness.idle_again()
    return {"status": (await live.history(prompt_id))["body"][prompt_id]["status"]}


def _flags_written() -> Record:
    written = transcript("05")
    heard = written["previews_supports_preview_metadata"]
    return {
        "heard": [event for event in heard if event.get("type") == "feature_flags"],
        "told": written["GET /features"],
    }


async def _flags_played(live: Live) -> Record:
    async with live.ear(flags={"supports_preview_metadata": True}) as ear:
        await ear.until(lambda event: event["type"] == "feature_flags", "the server's features")
        heard = [event for event in ear.events if event["type"] == "feature_flags"]
    return {"heard": heard, "told": await live.ask("GET", "/features")}


RETURN = Scenario("return", _return_written, _return_played)
TWINS = Scenario("twins", _twins_written, _twins_played)
GONE = Scenario("gone", _gone_written, _gone_played)
FLAGS = Scenario("flags", _flags_written, _flags_played)


async def check_greeting(subject: Subject) -> None:
    """06: the first message has the queue's length and the id under which the socket is known."""
    played, written = await subject.record(RETURN), RETURN.transcript()
    assert event_shapes(played["back"][:1]) == event_shapes(written["back"][:1])
    assert played["back"][0]["data"]["sid"] == played["back_id"]


async def check_coming_back(subject: Subject) -> None:
    """06: who comes back in the middle learns the current node, then hears what follows, but nothing again."""
    played, written = await subject.record(RETURN), RETURN.transcript()
    assert event_shapes(played["back"][:2]) == event_shapes(written["back"][:2])
    assert played["back"][1]["data"] == {"node": "2"}
    assert kinds_in_order(played["back"]) == kinds_in_order(written["back"])
    assert event_shapes(played["back"][-3:]) == event_shapes(written["back"][-3:])


async def check_coming_back_too_late(subject: Subject) -> None:
    """06: after the end there is a greeting and nothing else."""
    played, written = await subject.record(RETURN), RETURN.transcript()
    assert event_shapes(played["after_the_end"]) == event_shapes(written["after_the_end"])


async def check_twins(subject: Subject) -> None:
    """06: of two sockets with one id the newer hears the run, the older nothing."""
    played, written = await subject.record(TWINS), TWINS.transcript()
    assert event_shapes(played["older"]) == event_shapes(written["older"])
    assert kinds_in_order(played["newer"]) == kinds_in_order(written["newer"])


async def check_run_goes_on(subject: Subject) -> None:
    """06: a prompt whose client is gone is finished and kept."""
    played, written = await subject.record(GONE), GONE.transcript()
    assert shape(played["status"]) == shape(written["status"])
    assert played["status"]["status_str"] == "success"


async def check_feature_flags(subject: Subject) -> None:
    """05: flags are answered with the server's own, which GET /features names too."""
    played, written = await subject.record(FLAGS), FLAGS.transcript()
    assert [event["data"] for event in played["heard"]] == [event["data"] for event in written["heard"]]
    assert _plain(played["told"]) == _plain(written["told"])


def _plain(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["status"], answer["content_type"], answer["body"]


CHECKS = (
    check_greeting,
    check_coming_back,
    check_coming_back_too_late,
    check_twins,
    check_run_goes_on,
    check_feature_flags,
)
