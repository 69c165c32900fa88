from __future__ import annotations

import asyncio

from devserver.durable.patience import USUAL_S, patience, patience_s


async def test_a_block_and_the_tasks_that_begin_in_it_have_its_patience() -> None:
    async def ask() -> float:
        return patience_s()

    with patience(2.0):
        begun = asyncio.create_task(ask())
        with patience(0.5):
            assert patience_s() == 0.5
        assert patience_s() == 2.0
    assert (await begun, patience_s()) == (2.0, USUAL_S)
