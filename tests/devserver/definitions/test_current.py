"""Definitions edited while a server runs: a good edit comes into force, a bad one is told and changes nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.build import SHIPPED
from devserver.definitions.current import Definitions
from devserver.model.server import DefinitionsState
from schemas.loader import load_tables
from tests.patience import PATIENCE_S

SILENCE = (SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8")


class Edited:
    """Watched definitions with a folder of the user's own, and what is told about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.definitions = Definitions([SHIPPED], load_tables([SHIPPED]), own=[folder])
        self._told: asyncio.Queue[DefinitionsState] = asyncio.Queue()

    async def start(self) -> None:
        await self.definitions.start(self._told.put_nowait)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / "configs" / "output" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
        return path

    async def until(self, state: str, version: int) -> DefinitionsState:
        """What is told when the definitions stand like that; an edit in several steps may be told in several."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = await self._told.get()
                if (told.state, told.version) == (state, version):
                    return told


@pytest.fixture
async def edited(tmp_path: Path) -> AsyncIterator[Edited]:
    own = tmp_path / "own"
    own.mkdir()
    edited = Edited(own)
    await edited.start()
    yield edited
    await edited.definitions.stop()


async def test_a_good_edit_replaces_the_catalog_and_leaves_the_old_one_whole(edited: Edited) -> None:
    before = edited.definitions.catalog
    edited.write("hush", SILENCE)
    await edited.until("ok", 2)
    assert edited.definitions.catalog.output("hush").chunk == "silence_mp3"
    assert "hush" not in before.outputs


async def test_a_bad_edit_leaves_the_last_good_version_in_force_and_is_told(edited: Edited) -> None:
    edited.write("hush", SILENCE)
    await edited.until("ok", 2)
    path = edited.write("hush", SILENCE.replace("seconds: 1", "seconds: -1"))
    told = await edited.until("broken", 2)
    assert [(p["field"], p["line"]) for p in told.problems] == [("values.seconds", 10)]
    assert told == edited.definitions.status()
    assert edited.definitions.catalog.output("hush").values == {"seconds": 1}
    path.write_text(SILENCE.replace("seconds: 1", "seconds: 2"))
    assert (await edited.until("ok", 3)).problems == []
    assert edited.definitions.catalog.output("hush").values == {"seconds": 2}


async def test_a_moved_and_a_deleted_file_are_noticed(edited: Edited) -> None:
    path = edited.write("hush", SILENCE)
    await edited.until("ok", 2)
    path.rename(path.with_stem("quiet"))
    await edited.until("ok", 3)
    assert {"quiet"} == {"hush", "quiet"} & set(edited.definitions.catalog.outputs)
    shutil.rmtree(path.parent)
    await edited.until("ok", 4)
    assert "quiet" not in edited.definitions.catalog.outputs


async def test_a_folder_that_comes_later_and_again_is_watched(tmp_path: Path) -> None:
    edited = Edited(tmp_path / "later")
    await edited.start()
    edited.write("hush", SILENCE)
    await edited.until("ok", 2)
    shutil.rmtree(edited.folder)
    await edited.until("ok", 3)
    edited.write("hush", SILENCE)
    await edited.until("ok", 4)
    edited.write("hush", "nonsense")
    await edited.until("broken", 4)
    await edited.definitions.stop()


async def test_what_is_no_definition_is_passed_over(edited: Edited) -> None:
    (edited.folder / "notes.txt").write_text("x")
    path = edited.write("hush", SILENCE)
    path.with_name(".#hush.yaml").symlink_to("somebody@somewhere")  # as an editor marks a file that is open
    await edited.until("ok", 2)
    assert not edited.definitions.reload()
    assert edited.definitions.version == 2


async def test_an_edit_that_adds_a_stage_without_its_values_leaves_the_pipeline_as_it_was(edited: Edited) -> None:
    before = edited.definitions.catalog.pipeline("text_to_audio")
    text = (SHIPPED / "pipelines" / "text_to_audio.yaml").read_text("utf8")
    stage = "{name: generation, kind: graph, chunk: $output}"
    assert stage in text
    path = edited.folder / "pipelines" / "text_to_audio.yaml"
    path.parent.mkdir()
    path.write_text(text.replace(stage, f"{stage}\n  - {{name: cover, kind: graph, chunk: cover_image}}"), "utf8")
    told = await edited.until("broken", 1)
    assert [problem["message"] for problem in told.problems] == [
        "parameter prompt of chunk cover_image has no default: add it to inputs or values"
    ]
    assert edited.definitions.catalog.pipeline("text_to_audio") == before
