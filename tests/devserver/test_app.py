"""In which order a server starts and stops; what it is made of is noted down instead of started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devserver.app import App
from devserver.definitions.current import Definitions
from devserver.files.exports import Exports

# What is started and stopped, by the attributes that lead there.
STEPS = (
    "pool.start", "intake.warm", "journal.search.fill", "dispatcher.start", "definitions.start", "streams.clear_ended",
    "definitions.stop", "dispatcher.stop", "late.close", "models.close", "turns.close", "pool.close", "intake.close",
)  # fmt: skip
BLOCKING = ("uploads.clear_parts", "turns.grant_turns", "streams.close", "examiner.close", "database.close")


@pytest.fixture
def steps(app: App, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that a server takes, as far as it has come."""
    taken: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_args, **_kwargs: taken.append(name)

    def note_soon(name: str) -> Callable[..., Any]:
        async def step(*_args: object, **_kwargs: object) -> None:
            taken.append(name)

        return step

    for names, noting in ((STEPS, note_soon), (BLOCKING, note)):
        for name in names:
            subject: Any = app
            *path, method = name.split(".")
            for part in path:
                subject = getattr(subject, part)
            monkeypatch.setattr(subject, method, noting(name))
    monkeypatch.setattr("devserver.app.load_codecs", note("load_codecs"))
    return taken


def before(steps: list[str], first: str, *others: str) -> bool:
    return all(steps.index(first) < steps.index(other) for other in others)


async def test_backends_and_workers_are_there_before_a_run_is_taken_up(app: App, steps: list[str]) -> None:
    await app.start()
    for first in ("pool.start", "intake.warm", "uploads.clear_parts", "streams.clear_ended", "journal.search.fill"):
        assert before(steps, first, "dispatcher.start")
    assert before(steps, "dispatcher.start", "turns.grant_turns", "definitions.start")
    await app.stop()


async def test_a_server_is_ready_once_all_of_it_has_started_and_no_longer_when_it_stops(
    app: App, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    async def look(*_: object) -> None:
        seen.append(app._started)

    monkeypatch.setattr(app.definitions, "start", look)
    monkeypatch.setattr(app.dispatcher, "stop", look)
    await app.start()
    seen.append(app._started)
    await app.stop()
    assert (seen, steps[-1]) == ([False, True, False], "database.close")


async def test_walks_stop_before_what_they_use_and_the_database_last(app: App, steps: list[str]) -> None:
    await app.start()
    del steps[:]
    await app.stop()
    assert app.turns.closing, "the walks keep their places in the queue"
    assert before(steps, "dispatcher.stop", "late.close", "models.close", "turns.close", "pool.close", "intake.close")
    assert before(steps, "pool.close", "database.close")
    assert steps[-1] == "database.close"


async def test_the_turns_are_closing_before_a_walk_is_stopped(
    app: App, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    async def stop() -> None:
        seen.append(app.turns.closing)

    monkeypatch.setattr(app.dispatcher, "stop", stop)
    await app.start()
    await app.stop()
    assert (seen, "pool.close" in steps) == ([True], True)


async def test_what_a_dead_server_was_running_is_noted_before_its_backend_begins_anew(
    exports: Exports, definitions: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, steps = App(exports=exports, definitions=definitions, addresses=[]), list[str]()

    async def note(prompt_id: str) -> None:
        steps.append(prompt_id)

    async def begin() -> None:
        steps.append("pool")
        raise ZeroDivisionError

    monkeypatch.setattr("devserver.app.take_running_prompt", lambda folder: f"prompt in {folder.name}")
    monkeypatch.setattr(app.journal.stops, "was_running", note)
    monkeypatch.setattr(app.intake, "warm", app.streams.clear_ended)
    monkeypatch.setattr(app.pool, "start", begin)
    with pytest.raises(ZeroDivisionError):
        await app.start()
    assert steps == ["prompt in embedded", "pool"]
    await app.stop()
