from __future__ import annotations

from pathlib import Path

import pytest

from devserver.database import Database
from devserver.errors import InputError
from devserver.files import InputFiles
from devserver.journal import Journal
from devserver.store import Exports
from tests.devserver.plans import RUN_ID, add_run


@pytest.fixture
def files(exports: Exports, journal: Journal, database: Database) -> InputFiles:
    return InputFiles(exports, journal, database)


def test_a_file_of_a_run_becomes_its_content(files: InputFiles, exports: Exports, journal: Journal) -> None:
    place = add_run(journal)
    exports.folder(RUN_ID).mkdir()
    exports.write(RUN_ID, "07_output_audio.mp3", b"sound")
    journal.add_event(place, "entity", {"filename": "07_output_audio.mp3"}, key="07_output_audio.mp3")
    value = files.resolve("params.audio", {"run": RUN_ID, "entity": "07_output_audio.mp3"})
    assert value["ext"] == "mp3"
    assert (exports.uploads / value["sha256"]).read_bytes() == b"sound"


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "../x", 5, None, {"run": "x"}, {"run": "../../etc", "entity": "passwd"}, "0" * 64],
)
def test_nothing_else_is_a_file(files: InputFiles, value: object) -> None:
    with pytest.raises(InputError) as refused:
        files.resolve("params.audio", value)
    assert refused.value.field == "params.audio"
    assert refused.value.allowed


def test_an_upload_is_named_by_its_hash(files: InputFiles, tmp_path: Path) -> None:
    tone = tmp_path / "tone.wav"
    tone.write_bytes(b"RIFF    WAVEfmt ")
    kept = files.keep(tone)
    assert files.resolve("params.audio", f"{kept['sha256']}.wav") == kept
