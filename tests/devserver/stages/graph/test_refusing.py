from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.media.intake import OutputRefused
from devserver.stages.graph.job import Job
from devserver.stages.graph.refusing import output_refused
from devserver.stages.inputs import RunFile


def refused(job: Job, reason: Any = "silent", measured: str = "-120 dBFS") -> tuple[int, str]:
    error = output_refused(job, OutputRefused(reason, measured, "-70 dBFS"))
    assert (error.code, error.details["reason"], error.details["measured"]) == ("output_refused", reason, measured)
    return error.status, error.hint


def made_by(job: Job, definitions: Definitions, chunk: str, **values: Any) -> Job:
    option = job.option.model_copy(update={"chunk": definitions.catalog.graph_chunk(chunk)})
    return replace(job, option=option, values=values)


def test_a_damaged_file_is_the_backends_fault(job: Job) -> None:
    status, hint = refused(job, "damaged", "it ends too early")
    assert (status, "log of studio" in hint) == (502, True)


def test_another_medium_is_the_definitions_fault(job: Job) -> None:
    status, hint = refused(job, "wrong_media", "video of 3 s")
    assert (status, hint.endswith("the output should be media: video.")) == (502, True)


def test_what_chance_has_made_may_be_better_with_another_seed(job: Job, definitions: Definitions) -> None:
    status, hint = refused(made_by(job, definitions, "procedural_instrumental"))
    assert (status, "another seed" in hint) == (502, True)


def test_what_was_made_of_a_file_that_was_sent_is_the_files_fault(job: Job, definitions: Definitions) -> None:
    sent = made_by(job, definitions, "mastered_recording", audio={"sha256": "0", "ext": "mp3"})
    status, hint = refused(sent)
    assert (status, "sent as audio" in hint) == (422, True)
    status, hint = refused(replace(sent, sources={"audio": RunFile("generation.main", Path("a.mp3"), "0")}))
    assert (status, "ask for other values" in hint) == (502, True), "an earlier stage made this one"


@pytest.mark.parametrize("reason", ["silent", "too_short"])
def test_without_a_seed_and_a_file_other_values_are_the_only_way(job: Job, reason: str) -> None:
    assert "no seed" in refused(job, reason)[1]
