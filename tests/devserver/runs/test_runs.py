"""What may be asked of runs, on a server that is not started: they are accepted, and nobody walks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devserver.app import App
from devserver.durable.idempotency import HEADER, Accepted
from devserver.durable.search import Wanted
from devserver.errors import InputError
from devserver.model.plan import Plan, read_plan
from devserver.model.rows import Place
from devserver.stages.planning import parse_request

KEY = {HEADER: "k"}


async def accept(app: App, user_id: str = "local", headers: dict[str, str] | None = None, **body: Any) -> Accepted:
    asked = {"input_text": "x", "output_config": "silence_mp3", "safety_level": "off", **body}
    return await app.runs.accept(parse_request(asked), asked, user_id, headers or {})


async def plan_of(app: App, run_id: str) -> Plan:
    row = await app.journal.run(run_id)
    assert row is not None
    return read_plan(row.plan)


async def end(app: App, run_id: str) -> None:
    row = await app.journal.begin_run(run_id)
    place = Place(run_id, row.generation)
    await app.journal.write(lambda writing: writing.end_run(place, "success", "2030-01-01T00:00:00.000Z", None))


def folders(app: App) -> list[Path]:
    return [path for path in app.exports.root.iterdir() if path != app.exports.state]


async def test_an_accepted_run_is_in_the_journal_and_in_its_folder(app: App) -> None:
    accepted = await accept(app)
    row = await app.journal.run(accepted.run_id)
    assert row is not None
    assert (row.state, row.user_id, accepted.first) == ("queued", "local", None)
    assert sorted(path.name for path in app.exports.folder(row.run_id).iterdir()) == ["01_config.json", "02_input.txt"]
    assert (await app.runs.answer(row.run_id)).status == 202


async def test_of_a_request_that_is_refused_nothing_stays(app: App) -> None:
    with pytest.raises(InputError):
        await accept(app, output_config="nothing_of_the_kind")
    assert (folders(app), await app.journal.read(lambda reading: reading.has_runs())) == ([], False)


async def test_the_same_request_with_its_key_is_one_run_and_another_with_that_key_is_refused(app: App) -> None:
    first, again = await accept(app, headers=KEY), await accept(app, headers=KEY)
    assert again.run_id == first.run_id
    assert again.first is not None
    with pytest.raises(InputError, match="used for another request"):
        await accept(app, headers=KEY, input_text="y")
    assert len(folders(app)) == 1


async def test_of_two_requests_with_one_key_at_once_the_slower_leaves_no_folder(app: App) -> None:
    claim = app.idempotency.claim(KEY, "local", "execute", {})
    first = await accept(app)
    plan = (await plan_of(app, first.run_id)).model_copy(update={"run_id": "20300101-000000-00000001"})
    rights = app.runs.rights("local")
    assert claim is not None
    await app.database.write(lambda tx: app.idempotency.use(tx, claim, first.run_id))
    accepted = await app.runs._take_on(lambda: plan, claim, {}, rights)
    assert (accepted.run_id, len(folders(app))) == (first.run_id, 1)


async def test_a_level_that_nobody_asked_for_is_the_usual_one_and_the_floor_is_kept(app: App) -> None:
    app.runs._safety_floor = "youth"
    asked = {"input_text": "x", "output_config": "silence_mp3"}
    accepted = await app.runs.accept(parse_request(asked), asked, "local", {})
    assert (await plan_of(app, accepted.run_id)).safety_level in ("youth", "kids")
    with pytest.raises(InputError) as refused:
        await accept(app, safety_level="adult")
    assert refused.value.field == "safety_level"


async def test_a_run_again_is_another_run_of_the_same_plan(app: App) -> None:
    first = await accept(app)
    await end(app, first.run_id)
    again = await plan_of(app, (await app.runs.rerun(first.run_id, "local", {})).run_id)
    before = await plan_of(app, first.run_id)
    assert again.run_id != before.run_id
    assert (again.rerun_of, again.seed, again.steps) == (before.run_id, before.seed, before.steps)


async def test_a_run_of_another_user_is_an_unknown_one(app: App) -> None:
    app.keys.add("ada")
    app.keys.add("bob")
    accepted = await accept(app, "ada")
    for asked in (app.runs.cancel(accepted.run_id, "bob"), app.runs.rerun(accepted.run_id, "bob", {})):
        with pytest.raises(InputError) as refused:
            await asked
        assert refused.value.status == 404
    assert (await app.runs.cancel(accepted.run_id, "ada"))["status"] == "cancelling"


async def test_what_has_ended_is_not_cancelled(app: App) -> None:
    accepted = await accept(app)
    await end(app, accepted.run_id)
    with pytest.raises(InputError, match="ended already: success") as refused:
        await app.runs.cancel(accepted.run_id, "local")
    assert refused.value.status == 409


async def test_a_page_says_where_the_next_one_begins(app: App) -> None:
    ids = sorted([(await accept(app)).run_id for _ in range(3)], reverse=True)
    first = await app.runs.search(Wanted(user_id="local", limit=2))
    rest = await app.runs.search(Wanted(user_id="local", limit=2, before=first["next_before"]))
    assert (len(first["runs"]), len(rest["runs"]), rest["next_before"]) == (2, 1, None)
    assert sorted([run["run_id"] for run in (*first["runs"], *rest["runs"])], reverse=True) == ids


async def test_what_is_not_there_is_not_answered(app: App) -> None:
    unknown = "20300101-000000-00000009"
    assert await app.runs.owner(unknown) is None
    for ask in (app.runs.detail, app.runs.answer):
        with pytest.raises(InputError) as refused:
            await ask(unknown)
        assert refused.value.status == 404
