from __future__ import annotations

from pathlib import Path

import pytest

from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.media.intake import IntakePool
from devserver.playback.derived import Drawings
from devserver.playback.of_runs import RunMedia
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.entities import make_entity


@pytest.fixture
def media(journal: JournalAtOnce, exports: Exports) -> RunMedia:
    """The files of one run that has a sound, a stem and an outline, of which the last is no longer there."""
    place = add_run(journal)
    for name, role in (("07_output.mp3", "main"), ("08_stem_bass.flac", "stem"), ("09_peaks.json", "peaks")):
        medium = "file" if role == "peaks" else "audio"
        journal.add_event(place, make_entity(name, role=role, number=int(name[:2]), media=medium), key=name)
    exports.folder(RUN_ID).mkdir()
    return RunMedia(journal.journal, exports, Drawings(exports, IntakePool()))


async def test_a_file_is_served_as_the_journal_lists_it(media: RunMedia, exports: Exports) -> None:
    found = await media.find_media(RUN_ID, "audio", None)
    assert found is not None
    assert found.path == exports.folder(RUN_ID) / "07_output.mp3"
    assert (found.filename, found.mime, found.etag) == ("07_output.mp3", "audio/mpeg", "0" * 64)
    outline = await media.find_role(RUN_ID, "peaks")
    assert outline is not None
    assert outline.filename == "09_peaks.json"


async def test_what_a_run_does_not_have_is_none(media: RunMedia) -> None:
    assert await media.find_media(RUN_ID, "video", None) is None
    assert await media.find_media("20240131-000000-00000000", "audio", None) is None
    assert await media.find_role(RUN_ID, "midi") is None
    assert await media.draw("20240131-000000-00000000", "peaks.json") is None


async def test_stems_are_served_under_their_own_names(media: RunMedia) -> None:
    assert [(one.name, one.file.filename) for one in await media.find_stems(RUN_ID)] == [("bass", "08_stem_bass.flac")]


async def test_a_link_that_leads_out_of_the_exports_is_not_served(
    media: RunMedia, exports: Exports, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("x")
    (exports.folder(RUN_ID) / "07_output.mp3").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError) as refused:
        await media.find_media(RUN_ID, "audio", None)
    assert refused.value.status == 404
