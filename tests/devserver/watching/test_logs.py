from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from devserver.model.failure import Failure
from devserver.model.results import AttemptResult, TextResult
from devserver.watching.listening import watch
from devserver.watching.logs import JsonFormatter, RunLog, log_context
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce

LOG = logging.getLogger("tests.of.logs")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.setLevel(before)
    root.removeHandler(handler)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_a_line_says_which_run_and_stage_its_task_works_at(written: io.StringIO) -> None:
    log_context(run_id="r1")
    together = asyncio.Barrier(2)

    async def work(stage: str) -> None:
        log_context(stage=stage)
        await together.wait()  # both have said where they are, and neither has changed the other
        LOG.info("working")

    await asyncio.gather(work("generation"), work("generation_2"))
    LOG.info("done")
    told = [(line["message"], line["run_id"], line.get("stage")) for line in lines(written)]
    assert sorted(told[:2]) == [("working", "r1", "generation"), ("working", "r1", "generation_2")]
    assert told[2] == ("done", "r1", None)


def test_there_is_one_line_for_each_stage_attempt_and_run_and_no_text(
    journal: JournalAtOnce, written: io.StringIO
) -> None:
    watch(journal.journal, [RunLog()])
    place = add_run(journal)
    journal.skip(replace(place, stage="safety_input"), "safety_level is off")
    stage, take = replace(place, stage="generation"), replace(place, stage="generation", take=2)
    journal.begin_stage(stage)
    journal.begin_take(take)
    journal.begin_attempt(replace(take, attempt=1), backend="gpu")
    journal.end(
        replace(take, attempt=1), "lost", AttemptResult(error=Failure(code="prompt_lost", message="a secret text"))
    )
    journal.begin_attempt(replace(take, attempt=2), backend="gpu")
    journal.end(take, "failed")
    journal.end(stage, "success", TextResult(text="a secret text"))
    journal.end_run(place, "failed", "2024-02-01T00:00:00.000Z", Failure(code="x", message="a secret text"), "a secret")
    told = lines(written)
    assert [line.get("stage") for line in told] == ["safety_input", "generation", "generation", None]
    assert {line["run_id"] for line in told} == {RUN_ID}
    attempt, run = told[1], told[-1]
    assert (attempt["take"], attempt["attempt"], attempt["backend"], attempt["code"]) == (2, 1, "gpu", "prompt_lost")
    assert (run["status"], run["code"]) == ("failed", "x")
    assert all(line["seconds"] >= 0 for line in told)
    assert "secret" not in written.getvalue()


def test_a_traceback_stays_in_its_line(written: io.StringIO) -> None:
    try:
        int("two\nlines")
    except ValueError:
        LOG.exception("failed with “quotes” and\na break")
    (line,) = lines(written)
    assert line["level"] == "error"
    assert line["message"] == "failed with “quotes” and\na break"
    assert line["error"].startswith("Traceback")
