"""A bound graph whose file was damaged while the server was off: it is bound once more, nothing is submitted again."""

from __future__ import annotations

from pathlib import Path

import pytest

from devserver.media.intake import IntakePool
from tests.faults.rig import Studio, attempts_of, files_in, rigged, seconds_of, until

DAMAGES = {
    "empty": b"",
    "cut off": b'{"3": {"class_ty',
    "UTF-16": "{}".encode("utf-16"),
    "a list": b"[]",
    "nested": b"[" * 99_999,
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_bound_graph_is_bound_again(
    studio: Studio, exports: Path, intake: IntakePool, damage: str
) -> None:
    async with rigged(exports, intake, studio) as rig:
        studio.gate.hold(0.4)
        run_id = await rig.accept(0.4)
        await until(lambda: studio.running)
    (kept,) = files_in(exports / run_id, "*.bound.json")
    kept.write_bytes(DAMAGES[damage])
    async with rigged(exports, intake, studio) as rig:
        answer = await rig.ended(run_id)
    assert (seconds_of(answer), attempts_of(answer), len(studio.submitted)) == (0.4, 1, 1)
