from __future__ import annotations

import uuid
from dataclasses import replace

from devserver.stages.graph.job import Job


def test_a_prompt_id_is_made_of_its_place_so_that_a_restart_finds_the_prompt(job: Job) -> None:
    assert job.prompt_id == replace(job, compiled={}, graph_sha256="other").prompt_id
    assert job.prompt_id == "7c89c1bd-e6a2-5b8b-8b4e-96d967e9003d"
    later = replace(job, place=replace(job.place, generation=9))
    assert later.prompt_id == job.prompt_id, "whoever walks the run now follows the same prompt"


def test_no_two_attempts_share_a_prompt_a_prefix_or_a_file(job: Job) -> None:
    place = job.place
    places = [
        place,
        replace(place, attempt=2),
        replace(place, take=2),
        replace(place, stage="master"),
        replace(place, run_id="20240131-235959-00000000"),
    ]
    jobs = [replace(job, place=one) for one in places]
    assert len({one.prompt_id for one in jobs}) == len({one.prefix for one in jobs}) == len(places)
    assert len({one.bound_name for one in jobs[:-1]}) == len(places) - 1
    assert all(uuid.UUID(one.prompt_id).version == 5 for one in jobs)
