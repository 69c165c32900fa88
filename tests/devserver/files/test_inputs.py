from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from devserver.comfy.client import Client
from devserver.durable.database import Database
from devserver.errors import InputError, StageError
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.media.examine import examine
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles import odd_media
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.entities import make_entity


@pytest.fixture
def files(exports: Exports, database: Database) -> InputFiles:
    return InputFiles(exports, database)


async def test_a_file_of_a_run_becomes_its_content(files: InputFiles, exports: Exports, journal: JournalAtOnce) -> None:
    place = add_run(journal)
    exports.folder(RUN_ID).mkdir()
    exports.write(RUN_ID, "07_output_audio.mp3", b"sound")
    journal.add_event(place, make_entity(), key="07_output_audio.mp3")
    named = {"run": RUN_ID, "entity": "07_output_audio.mp3"}
    seen = await files.for_viewer(None, {"params": {"audio": named}})
    value = seen.resolve("params.audio", named).stored
    assert value["ext"] == "mp3"
    assert (exports.uploads / value["sha256"]).read_bytes() == b"sound"


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "../x", 5, None, {"run": "x"}, {"run": "../../etc", "entity": "passwd"}, "0" * 64],
)
async def test_nothing_else_is_a_file(files: InputFiles, value: object) -> None:
    seen = await files.for_viewer(None, [value])
    with pytest.raises(InputError) as refused:
        seen.resolve("params.audio", value)
    assert refused.value.field == "params.audio"
    assert refused.value.allowed


async def test_a_user_names_files_of_the_own_runs_and_uploads_alone(
    files: InputFiles, exports: Exports, journal: JournalAtOnce, tmp_path: Path
) -> None:
    place = add_run(journal)
    exports.folder(RUN_ID).mkdir()
    exports.write(RUN_ID, "a.mp3", b"sound")
    journal.add_event(place, make_entity("a.mp3"), key="a.mp3")
    tone = tmp_path / "tone.wav"
    tone.write_bytes(b"RIFF    WAVEfmt ")
    upload = files.keep(tone)["sha256"]
    for value in ({"run": RUN_ID, "entity": "a.mp3"}, upload):
        assert (await files.for_viewer(None, value)).resolve("params.audio", value)
        seen = await files.for_viewer("somebody", value)
        with pytest.raises(InputError) as refused:
            seen.resolve("params.audio", value)
        assert refused.value.status == 404
        assert "a.mp3" not in str(refused.value.allowed)
    own = {"run": RUN_ID, "entity": "a.mp3"}
    assert (await files.for_viewer("local", own)).resolve("params.audio", own)


def test_a_path_is_taken_below_the_roots_alone(exports: Exports, database: Database, tmp_path: Path) -> None:
    root, outside = tmp_path / "music", tmp_path / "music-private"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "tone.wav").write_bytes(b"RIFF    WAVEfmt ")
    (root / "link.wav").symlink_to(outside / "tone.wav")
    (root / "way").symlink_to(outside)
    files = InputFiles(exports, database, [root])
    assert files.resolve("params.audio", str(root / "tone.wav"), ("audio",)).stored["ext"] == "wav"
    wrong = [
        outside / "tone.wav",
        root / "link.wav",
        root / "way" / "tone.wav",
        root / ".." / "music-private" / "tone.wav",
    ]
    for path in [
        *map(str, wrong),
        str(root),
        str(root / "none.wav"),
        "/etc/passwd",
        f"{root}/tone.wav\0",
        "/" + "x" * 5000,
    ]:
        with pytest.raises(InputError) as refused:
            files.resolve("params.audio", path)
        assert (refused.value.status, refused.value.message) == (404, "There is no such file, or it may not be used.")
    with pytest.raises(InputError):
        InputFiles(exports, database).resolve("params.audio", str(root / "tone.wav"))


def test_an_upload_is_named_by_its_hash(files: InputFiles, tmp_path: Path) -> None:
    tone = tmp_path / "tone.wav"
    tone.write_bytes(b"RIFF    WAVEfmt ")
    kept = files.keep(tone)
    assert files.resolve("params.audio", f"{kept['sha256']}.wav").stored == kept


class Inputs:
    """The input folder of a backend, and how often something was sent to it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent = 0
        self.largest = 1 << 20

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file, folder = form["image"], form["subfolder"]
        assert isinstance(file, web.FileField)
        content = file.file.read()
        if len(content) > self.largest:
            raise web.HTTPRequestEntityTooLarge(max_size=self.largest, actual_size=self.largest + 1)
        self.sent += 1
        self.files[file.filename] = content
        return web.json_response({"name": file.filename, "subfolder": folder, "type": "input"})

    async def view(self, request: web.Request) -> web.Response:
        assert (request.query["type"], request.query["subfolder"]) == ("input", "tonewright")
        content = self.files.get(request.query["filename"])
        return web.Response(status=404) if content is None else web.Response(body=content)


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


@pytest.fixture
async def client(inputs: Inputs) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_post("/upload/image", inputs.upload)
    app.router.add_get("/view", inputs.view)
    async with TestServer(app) as server, Client(str(server.make_url("")).rstrip("/")) as client:
        yield client


@pytest.fixture
def tone(files: InputFiles, tmp_path: Path) -> str:
    """A file that is kept, by its name on a backend."""
    path = tmp_path / "tone.wav"
    path.write_bytes(b"RIFF    WAVEfmt ")
    return f"{files.keep(path)['sha256']}.wav"


async def test_a_backend_gets_a_file_once_whoever_asks(
    files: InputFiles, client: Client, inputs: Inputs, tone: str
) -> None:
    sent = await asyncio.gather(*(files.send(client, "here", [tone]) for _ in range(5)))
    assert (sent, inputs.sent) == ([{tone: f"tonewright/{tone}"}] * 5, 1)
    await files.send(client, "there", [tone])
    assert inputs.sent == 2


async def test_a_backend_that_lost_a_file_gets_it_again(
    files: InputFiles, client: Client, inputs: Inputs, tone: str
) -> None:
    await files.send(client, "here", [tone])
    inputs.files.clear()
    await files.send(client, "here", [tone])
    inputs.files[tone] = b"half"
    await files.send(client, "here", [tone])
    assert inputs.sent == 3


async def test_a_file_that_cannot_be_sent_is_told(
    files: InputFiles, client: Client, inputs: Inputs, tone: str, exports: Exports
) -> None:
    inputs.largest = 4
    with pytest.raises(StageError, match="here does not accept a file this large") as refused:
        await files.send(client, "here", [tone])
    assert "--max-upload-size" in refused.value.hint
    (exports.uploads / tone.partition(".")[0]).unlink()
    with pytest.raises(StageError, match="no longer kept"):
        await files.send(client, "here", [tone])


def test_a_file_of_another_medium_is_refused(files: InputFiles, tone: str) -> None:
    assert files.resolve("params.a", tone, ("audio", "video")).stored["ext"] == "wav"
    with pytest.raises(InputError) as refused:
        files.resolve("params.a", tone, ("image",))
    assert (refused.value.status, refused.value.allowed) == (422, ["image"])


@pytest.fixture
def looking(exports: Exports, database: Database, tmp_path: Path) -> InputFiles:
    """Files that are looked into, below a folder that may be named."""
    return InputFiles(exports, database, [tmp_path], examine)


def test_a_sound_of_many_channels_is_handed_on_as_stereo_and_that_is_told(
    looking: InputFiles, exports: Exports, tmp_path: Path
) -> None:
    song = tmp_path / "my concert.wav"
    song.write_bytes(odd_media.SOUNDS["surround.wav"]())
    for _ in range(2):  # it is looked into once
        found = looking.resolve("params.audio", str(song), ("audio", "video"))
        kept = exports.uploads / found.stored["sha256"]
        with av.open(str(kept)) as file:
            assert (file.format.name, file.streams.audio[0].channels) == ("flac", 2)
        ((code, message),) = found.warnings
        assert code == "mixed_down"
        assert message.startswith('"my concert.wav" (params.audio): It has 6 channels (5.1)')
    kept.unlink()
    assert looking.resolve("params.audio", str(song), ("audio", "video")).stored == found.stored
    assert kept.is_file()
    assert looking.resolve("params.file", str(song)).stored["ext"] == "wav"  # who knows what that node loads


@pytest.mark.parametrize(
    ("name", "accepts", "words"),
    [
        ("no sound.mp4", ("audio", "video"), '"no sound.mp4" is a film without sound, and params.audio needs a sound.'),
        ("silent track.mp4", ("audio",), None),
        ("silence.wav", ("audio", "video"), '"silence.wav" is silent, and params.audio needs a sound.'),
        ("cut off.m4a", ("audio", "video"), '"cut off.m4a" is cut off: its end is missing.'),
    ],
)
def test_a_file_that_a_parameter_cannot_use_is_refused_by_its_own_name(
    looking: InputFiles, tmp_path: Path, name: str, accepts: tuple[str, ...], words: str | None
) -> None:
    make = {**odd_media.SILENT_FILMS, **odd_media.SILENT_SOUNDS, **odd_media.REFUSED}[name]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(InputError) as refused:
        looking.resolve("params.audio", str(tmp_path / name), accepts)
    assert (refused.value.status, refused.value.field) == (422, "params.audio")
    assert words is None or refused.value.message == words


def test_a_film_without_picture_is_no_film(looking: InputFiles, tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    song.write_bytes(odd_media.encoded("mp4", "aac"))
    assert looking.resolve("params.audio", str(song), ("audio", "video"))
    with pytest.raises(InputError, match="has no picture"):
        looking.resolve("params.video", str(song), ("video",))
