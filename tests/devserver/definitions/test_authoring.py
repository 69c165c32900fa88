"""What people who write definitions may ask for, and in which words they are refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cli.build import SHIPPED
from devserver.backends.pool import Pool
from devserver.definitions.authoring import Authoring, ImportRequest, ValidateRequest
from devserver.definitions.current import Definitions
from devserver.definitions.process import ImportProcesses, Job
from devserver.definitions.work import answer
from devserver.durable.bus import Bus
from devserver.errors import InputError
from devserver.files.uploads import Uploads
from devserver.model.server import DefinitionsState
from devserver.system.clock import Clock
from schemas.importing.documents import ImportedDefinition
from schemas.loader import load_tables
from tests.devserver.definitions.test_work import CLASSES, SILENCE
from tests.doubles.pools import add_backend

PLAIN = "label: {en: x, de: x}\ndescription: {en: x, de: x}\nrule: {kind: plain}\n"


class Inside(ImportProcesses):
    """The importing process's work, in this one."""

    async def make(self, job: Job) -> ImportedDefinition:
        reply = await asyncio.to_thread(lambda: answer(job.to_line(), 1 << 30))
        return self._read(0, json.dumps(reply).encode(), b"")


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    add_backend(made, "gpu", classes=CLASSES)
    yield made
    await made.close()


@pytest.fixture
def told() -> list[DefinitionsState]:
    return []


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture
def authoring(own: Path, tmp_path: Path, pool: Pool, told: list[DefinitionsState]) -> Authoring:
    """Someone who writes into an own folder."""
    (tmp_path / "uploads").mkdir()
    definitions = Definitions([SHIPPED], load_tables([SHIPPED]), [own])
    made = Authoring(definitions, pool, Uploads(tmp_path / "uploads"), told.append)
    made._processes = Inside()
    return made


def there(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


async def take_in(authoring: Authoring, viewer: str | None = None, **asked: Any) -> dict[str, Any]:
    return await authoring.import_graph(
        ImportRequest.model_validate({"graph": SILENCE, "name": "mine", **asked}), viewer
    )


async def refused(authoring: Authoring, viewer: str | None = None, **asked: Any) -> tuple[int, str | None]:
    with pytest.raises(InputError) as caught:
        await take_in(authoring, viewer, **asked)
    return caught.value.status, caught.value.field


async def test_a_graph_is_imported_and_written_only_where_that_is_asked(
    authoring: Authoring, own: Path, told: list[DefinitionsState]
) -> None:
    made = await take_in(authoring)
    assert (made["written"], there(own), told) == ([], [], [])
    made = await take_in(authoring, write=True)
    assert [Path(path).relative_to(own).as_posix() for path in made["written"]] == list(made["files"])
    assert [state.version for state in told] == [2]


async def test_a_name_that_is_taken_is_written_over_only_where_that_is_asked(authoring: Authoring) -> None:
    await take_in(authoring, write=True)
    assert await refused(authoring, write=True) == (409, "name")
    assert (await take_in(authoring))["written"] == []
    assert (await take_in(authoring, write=True, replace=True))["written"] != []


async def test_who_sees_only_the_own_writes_nothing(authoring: Authoring, own: Path) -> None:
    assert await refused(authoring, "ada", write=True) == (403, "write")
    assert there(own) == []


async def test_what_is_asked_for_must_be_there(authoring: Authoring, pool: Pool) -> None:
    assert await refused(authoring, backend="gpus") == (404, "backend")
    pool.backends[0].state = "down"
    assert await refused(authoring, backend="gpu") == (409, "backend")
    assert await refused(authoring, graph=None, upload="0" * 64) == (404, "upload")
    assert await refused(authoring, graph=None) == (422, "graph")
    assert await refused(authoring, upload="0" * 64) == (422, "graph")


async def test_a_graph_of_unknown_nodes_is_refused_with_their_names(authoring: Authoring) -> None:
    with pytest.raises(InputError, match="Zither") as caught:
        await take_in(authoring, graph={**SILENCE, "3": {"class_type": "Zither", "inputs": {}}})
    assert (caught.value.field, caught.value.value) == ("graph", ["Zither"])


def test_a_text_is_checked_as_if_it_lay_in_the_folder(authoring: Authoring) -> None:
    def check(text: str) -> dict[str, Any]:
        return authoring.validate(ValidateRequest(kind="interception", text=text))

    assert check(PLAIN) == {"valid": True, "problems": []}
    found = check(PLAIN.replace("plain", "plane"))
    assert (found["valid"], found["problems"][0]["line"]) == (False, 3)


def test_what_a_backend_lacks_is_told_for_each_output(definitions: Definitions, pool: Pool, tmp_path: Path) -> None:
    authoring = Authoring(definitions, pool, Uploads(tmp_path), lambda _: None)
    outputs = authoring.check_backend("gpu")
    assert outputs.keys() == definitions.catalog.outputs.keys()
    assert {problem["class_type"] for problem in outputs["silence_mp3"]["problems"]} == {"SaveAudioMP3"}
    assert not outputs["silence_mp3"]["can_run"]
