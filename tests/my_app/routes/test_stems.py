"""The voices of a run: listed, sent one by one, and all in one archive."""

from __future__ import annotations

import io
from zipfile import ZIP_STORED, ZipFile

import pytest
from aiohttp import ClientSession

from devserver.playback.derived import Media, StemFile
from my_app.routes.stems import ARCHIVE_DATE, READ_BYTES, archive
from tests.my_app.still import Still

DRUMS, BASS = b"drums " * 100, b"bass " * 100


@pytest.fixture
async def run_id(still: Still) -> str:
    run_id = await still.accept()
    for filename, content in (("08_stem_drums.flac", DRUMS), ("09_stem_bass & co.flac", BASS)):
        await still.add_file(run_id, content, filename, role="stem", type="stem", facts={"seconds": 1.5})
    return run_id


async def test_a_stem_is_listed_by_its_name_with_where_it_is(client: ClientSession, run_id: str) -> None:
    async with client.get(f"/api/media/stems/{run_id}") as reply:
        drums, bass = await reply.json()
    assert drums == {
        "name": "drums",
        "url": f"/api/media/stems/{run_id}/drums",
        "filename": "08_stem_drums.flac",
        "bytes": len(DRUMS),
        "seconds": 1.5,
    }
    assert bass["url"] == f"/api/media/stems/{run_id}/bass%20%26%20co"
    async with client.get(bass["url"]) as reply:
        assert (reply.status, await reply.read()) == (200, BASS)


async def test_a_stem_is_found_by_its_name_with_and_without_an_ending(client: ClientSession, run_id: str) -> None:
    for name in ("drums", "drums.flac"):
        async with client.get(f"/api/media/stems/{run_id}/{name}", headers={"Range": "bytes=2-4"}) as reply:
            assert (reply.status, await reply.read()) == (206, DRUMS[2:5])


async def test_another_name_is_refused_with_those_that_there_are(client: ClientSession, run_id: str) -> None:
    async with client.get(f"/api/media/stems/{run_id}/flute") as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"], error["allowed"]) == (404, "name", ["drums", "bass & co"])


async def test_all_are_one_archive_whose_files_bear_their_names(client: ClientSession, run_id: str) -> None:
    async with client.get(f"/api/media/stems/{run_id}.zip") as reply:
        assert reply.headers["Content-Disposition"] == f'attachment; filename="{run_id}_stems.zip"'
        content = await reply.read()
    with ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist()} == {"drums.flac": DRUMS, "bass & co.flac": BASS}


async def test_a_run_without_stems_has_an_empty_list_and_no_archive(client: ClientSession, still: Still) -> None:
    bare = await still.accept()
    async with client.get(f"/api/media/stems/{bare}") as reply:
        assert (reply.status, await reply.json()) == (200, [])
    async with client.get(f"/api/media/stems/{bare}.zip") as reply:
        assert (reply.status, (await reply.json())["error"]["message_code"]) == (404, "no_stems")


async def test_a_stem_whose_file_is_gone_is_no_longer_listed(client: ClientSession, still: Still, run_id: str) -> None:
    still.app.exports.file(run_id, "08_stem_drums.flac").unlink()
    async with client.get(f"/api/media/stems/{run_id}") as reply:
        assert [stem["name"] for stem in await reply.json()] == ["bass & co"]


def test_an_archive_comes_in_pieces_and_the_same_files_make_the_same_one(still: Still) -> None:
    path = still.app.exports.root / "large.wav"
    path.write_bytes(bytes(2 * READ_BYTES + 1))
    stems = [StemFile("low", Media(path, "audio/wav", "large.wav", ""), 1.0)]
    pieces = list(archive(stems))
    assert len(pieces) == 4
    assert b"".join(pieces) == b"".join(archive(stems))
    with ZipFile(io.BytesIO(b"".join(pieces))) as packed:
        (info,) = packed.infolist()
        assert (info.filename, info.compress_type, info.date_time) == ("low.wav", ZIP_STORED, ARCHIVE_DATE)
