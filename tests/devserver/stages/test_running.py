"""Running one stage: refused, run again, taken over, skipped."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from devserver.app import App
from devserver.definitions.current import Definitions
from devserver.files.exports import Exports
from devserver.model.failure import Failure
from devserver.model.results import StageResult
from devserver.model.rows import Place
from devserver.runs import record
from devserver.stages import running
from devserver.stages.running import STOPS_ALLOWED
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID, plan
from tests.devserver.walked import FIRST, LAST, Walked
from tests.doubles.at_once import execute


async def test_what_took_the_server_down_again_and_again_is_not_tried_once_more(walked: Walked) -> None:
    walked.app.journal.take_accepted(RUN_ID)  # an earlier walk had it
    row = await walked.app.journal.begin_run(RUN_ID)
    await walked.app.journal.write(lambda writing: writing.begin_stage(Place(RUN_ID, row.generation, FIRST)))
    execute(walked.app.database, "UPDATE stages SET stops = $1", STOPS_ALLOWED)
    row = await walked.walk()
    assert (row.state, row.error and row.error.code, walked.kind.ran) == ("failed", "stopped_the_server", [])


async def test_a_stage_whose_kind_is_gone_ends_the_run_in_words(walked: Walked) -> None:
    walked.kinds.clear()
    assert [error.code for error in [(await walked.walk()).error] if error] == ["kind_missing"]


async def test_a_full_disk_is_waited_for_and_the_stage_run_again(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "ROOM_PAUSE_S", 0)
    tries: list[int] = []

    async def work(_walk: Walk) -> StageResult:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "no space left", "07.mp3")
        return StageResult(text="y")

    walked.script(FIRST, work)
    assert (await walked.walk()).state == "success"
    assert (len(tries), await walked.codes()) == (3, ["exports_full"])


async def test_the_results_of_a_run_again_are_taken_over_without_running_their_stages(
    app: App, exports: Exports, definitions: Definitions
) -> None:
    made = plan(definitions, exports, app.database, pipeline="text_only")
    kept: dict[str, Any] = {"recorded": {LAST: StageResult(text="as the first time")}}
    made = made.model_copy(update=kept)
    await app.journal.add_run(record.prepare(exports, made))
    walked = Walked(app)
    assert (await walked.walk()).state == "success"
    assert LAST not in walked.kind.ran
    stage = await app.journal.stage(Place(RUN_ID, 1, LAST))
    assert stage is not None
    assert stage.result.as_json() == {"text": "as the first time"}


async def test_a_stage_that_was_left_out_runs_nothing_and_hands_the_text_on(
    app: App, exports: Exports, definitions: Definitions
) -> None:
    await app.journal.add_run(record.prepare(exports, plan(definitions, exports, app.database, pipeline="text_only")))
    walked = Walked(app)
    assert (await walked.walk()).state == "success"
    assert walked.kind.ran == [LAST]
    skipped = await app.journal.stage(Place(RUN_ID, 1, FIRST))
    assert skipped is not None
    assert (skipped.state, skipped.result.as_json()) == ("skipped", {"reason": "safety_level is off"})


async def test_what_has_failed_in_an_earlier_walk_is_not_tried_again(walked: Walked) -> None:
    walked.app.journal.take_accepted(RUN_ID)  # an earlier walk had it
    row = await walked.app.journal.begin_run(RUN_ID)
    place = Place(RUN_ID, row.generation, FIRST)
    await walked.app.journal.write(lambda writing: writing.begin_stage(place))
    await walked.app.journal.end(place, "failed", StageResult(error=Failure(code="node_failed", status=502)))
    row = await walked.walk()
    assert (row.state, row.error and row.error.code, walked.kind.ran) == ("failed", "node_failed", [])
