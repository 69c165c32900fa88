from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.media.intake import IntakePool
from devserver.playback.derived import Drawings
from tests.devserver.plans import RUN_ID
from tests.doubles.entities import make_entity
from tests.doubles.piece_nodes import tone, write_wav

SOUND = make_entity("07_output_audio.wav")


class CountedPool(IntakePool):
    """Real worker processes, and how often they were asked."""

    def __init__(self) -> None:
        super().__init__(1)
        self.jobs = 0

    async def work(self, function: Any, *args: Any) -> Any:
        self.jobs += 1
        return await super().work(function, *args)


@pytest.fixture
async def pool() -> AsyncIterator[CountedPool]:
    made = CountedPool()
    yield made
    await made.close()


async def test_many_who_ask_at_once_and_later_get_one_drawing(exports: Exports, pool: CountedPool) -> None:
    exports.folder(RUN_ID).mkdir()
    write_wav(exports.folder(RUN_ID) / SOUND.filename, tone(0))
    drawings = Drawings(exports, pool)
    asked = [asyncio.create_task(drawings.get(RUN_ID, SOUND, "peaks.json")) for _ in range(4)]
    await asyncio.sleep(0)
    asked[0].cancel()  # who goes away takes nothing from the others
    found = [
        media for media in await asyncio.gather(*asked, return_exceptions=True) if not isinstance(media, BaseException)
    ]
    found.append(await drawings.get(RUN_ID, SOUND, "peaks.json"))
    assert (len(found), len({media.path for media in found}), pool.jobs) == (4, 1, 1)
    assert json.loads(found[0].path.read_bytes())["version"] == 2


async def test_what_cannot_be_drawn_is_told_and_tried_again(exports: Exports, pool: CountedPool) -> None:
    exports.folder(RUN_ID).mkdir()
    path = exports.folder(RUN_ID) / SOUND.filename
    path.write_text("no sound")
    drawings = Drawings(exports, pool)
    with pytest.raises(InputError, match="cannot be drawn"):
        await drawings.get(RUN_ID, SOUND, "waveform.png")
    write_wav(path, tone(0))
    assert (await drawings.get(RUN_ID, SOUND, "waveform.png")).path.is_file()
