"""Transcripts 05 and 06: what a websocket hears when it joins late, comes back or has a twin."""

from __future__ import annotations

from typing import Any

from tests.contract.live import Live, long_piece
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import event_shapes, kinds_in_order, shape, transcript

SECONDS = 12.0


def _sockets_written() -> Record:
    written = transcript("06")
    flags = transcript("05")["previews_supports_preview_metadata"]
    back = written["reconnect_same_id_mid_run"]
    return {
        "back": back["second"],
        "back_id": "reconn-1",
        "after_the_end": written["reconnect_after_finish"],
        "older_twin": written["twin_sockets_same_id"]["older"],
        "newer_twin": written["twin_sockets_same_id"]["newer"],
        "gone": next(iter(written["disconnect_for_good"]["body"].values()))["status"],
        "flags": [event for event in flags if event.get("type") == "feature_flags"],
        "features": transcript("05")["GET /features"],
    }


async def _sockets_played(live: Live) -> Record:
    record: Record = {}
    me = f"back-{live.token}"
    async with live.ear(me) as ear:
        prompt_id = (await live.submit(long_piece(live.fresh(), SECONDS), me))["body"]["prompt_id"]
        await ear.until(lambda event: event["type"] == "progress", "progress")
    async with live.ear(me) as ear:
        await ear.end_of(prompt_id)
        record |= {"back": list(ear.events), "back_id": me}
    async with live.ear(me) as ear:
        record["after_the_end"] = list(ear.events)
    twin = f"twin-{live.token}"
    async with live.ear(twin) as older, live.ear(twin) as newer:
        prompt_id = (await live.submit(long_piece(live.fresh(), 2.0), twin))["body"]["prompt_id"]
        await newer.end_of(prompt_id)
        record |= {"older_twin": list(older.events), "newer_twin": list(newer.events)}
    async with live.ear(f"gone-{live.token}") as ear, live.ear() as witness:
        gone = (await live.submit(long_piece(live.fresh(), SECONDS), ear.client_id))["body"]["prompt_id"]
        await ear.until(lambda event: event["type"] == "progress", "progress")
        await ear.close()
        await witness.idle_again()
    record["gone"] = (await live.history(gone))["body"][gone]["status"]
    async with live.ear(flags={"supports_preview_metadata": True}) as ear:
        await ear.until(lambda event: event["type"] == "feature_flags", "the server's features")
        record["flags"] = [event for event in ear.events if event["type"] == "feature_flags"]
    record["features"] = await live.ask("GET", "/features")
    return record


SOCKETS = Scenario("sockets", _sockets_written, _sockets_played)


async def check_greeting(subject: Subject) -> None:
    """06: the first message has the queue's length and the id under which the socket is known."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert event_shapes(played["back"][:1]) == event_shapes(written["back"][:1])
    assert played["back"][0]["data"]["sid"] == played["back_id"]


async def check_coming_back(subject: Subject) -> None:
    """06: who comes back in the middle learns the current node, then hears what follows, but nothing again."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert event_shapes(played["back"][:2]) == event_shapes(written["back"][:2])
    assert played["back"][1]["data"] == {"node": "2"}
    assert kinds_in_order(played["back"]) == kinds_in_order(written["back"])
    assert event_shapes(played["back"][-3:]) == event_shapes(written["back"][-3:])


async def check_coming_back_too_late(subject: Subject) -> None:
    """06: after the end there is a greeting and nothing else."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert event_shapes(played["after_the_end"]) == event_shapes(written["after_the_end"])


async def check_twins(subject: Subject) -> None:
    """06: of two sockets with one id the newer hears the run, the older nothing."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert event_shapes(played["older_twin"]) == event_shapes(written["older_twin"])
    assert kinds_in_order(played["newer_twin"]) == kinds_in_order(written["newer_twin"])


async def check_run_goes_on(subject: Subject) -> None:
    """06: a prompt whose client is gone is finished and kept."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert shape(played["gone"]) == shape(written["gone"])
    assert played["gone"]["status_str"] == "success"


async def check_feature_flags(subject: Subject) -> None:
    """05: flags are answered with the server's own, which GET /features names too."""
    played, written = await subject.record(SOCKETS), SOCKETS.transcript()
    assert [event["data"] for event in played["flags"]] == [event["data"] for event in written["flags"]]
    assert _plain(played["features"]) == _plain(written["features"])


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
