"""Every check over every subject."""

from __future__ import annotations

import pytest

from tests.contract import about, listening, media, queueing, refusals, runs
from tests.contract.scenario import Check, Subject

CHECKS = [
    *runs.CHECKS,
    *refusals.CHECKS,
    *queueing.CHECKS,
    *listening.CHECKS,
    *media.CHECKS,
    *about.CHECKS,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_subject_keeps_the_contract(check: Check, subject: Subject) -> None:
    await check(subject)
