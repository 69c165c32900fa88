from __future__ import annotations

from devserver.model.failure import Failure, Problem


def test_a_problem_is_the_failure_without_its_status_and_as_it_was_written() -> None:
    failure = Failure.model_validate({"code": "blocked", "message": "no", "status": 403, "of_another_version": 1})
    problem = failure.as_problem()
    assert type(problem) is Problem
    assert problem.as_json() == {"code": "blocked", "message": "no", "of_another_version": 1}
    assert failure.as_json()["status"] == 403
