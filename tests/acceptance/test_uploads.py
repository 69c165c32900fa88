"""A file that was sent here, through a definition of the user's own, to the sound that it becomes."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from devserver.files.uploads import MIB
from devserver.host.info import MAX_UPLOAD_BYTES
from tests.doubles import odd_media
from tests.doubles.commands import tonewright
from tests.doubles.programs import NodeHost, Server
from tests.doubles.reencode import tone, written

LIMIT_BYTES = MIB // 2


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("definitions"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, definitions: Path) -> Iterator[Server]:
    settings: dict[str, Any] = {"definitions": [str(definitions)], "upload_limit_mib": LIMIT_BYTES / MIB}
    with Server(tmp_path_factory.mktemp("exports"), **settings) as running:
        yield running


def loudest_hz(media: bytes) -> float:
    with av.open(io.BytesIO(media), "r") as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
        rate = file.streams.audio[0].rate
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def sent(server: Server, content: bytes) -> str:
    status, told = server.call("POST", "/api/uploads", content)
    assert status in (200, 201), told
    return str(told["id"])


def made(server: Server, audio: Any) -> bytes:
    status, body = server.execute(input_text="again", output_config="reencode", params={"audio": audio})
    assert status == 200, body
    media = server.call("GET", body["media_output"]["url"])[1]
    assert isinstance(media, bytes)
    return media


def test_what_was_sent_comes_out_and_can_be_taken_up_again(server: Server) -> None:
    assert loudest_hz(made(server, sent(server, tone(440)))) == pytest.approx(440, abs=3)
    _, body = server.execute(input_text="x", output_config="reencode", params={"audio": sent(server, tone(1000))})
    entity = body["media_output"]["metadata"]["filename"]
    assert loudest_hz(made(server, {"run": body["run_id"], "entity": entity})) == pytest.approx(1000, abs=3)


def test_a_backend_gets_each_content_once_and_again_where_it_lost_it(tmp_path: Path, definitions: Path) -> None:
    with NodeHost(tmp_path / "host") as host:
        inputs = tmp_path / "host" / "input" / "tonewright"
        settings: dict[str, Any] = {
            "definitions": [str(definitions)],
            "embedded": False,
            "backends": [{"name": "host", "url": host.url, "kind": "comfyui"}],
        }
        with Server(tmp_path / "exports", **settings) as server:
            audio = sent(server, tone(440))
            made(server, audio)
            (kept,) = inputs.iterdir()
            written_at = kept.stat().st_mtime_ns
            made(server, sent(server, tone(440)))
            assert [(path, path.stat().st_mtime_ns) for path in inputs.iterdir()] == [(kept, written_at)]
        shutil.rmtree(inputs)
        with Server(tmp_path / "exports", **settings) as server:
            assert loudest_hz(made(server, audio)) == pytest.approx(440, abs=3)
            assert kept.is_file()


@pytest.mark.parametrize(
    ("audio", "status"), [("0" * 64 + ".wav", 404), ("/etc/passwd", 422), (None, 422), ({"run": "x"}, 422)]
)
def test_what_is_no_upload_is_refused_by_name(server: Server, audio: Any, status: int) -> None:
    got, body = server.execute(input_text="x", output_config="reencode", params={"audio": audio})
    assert (got, body["error"]["field"]) == (status, "params.audio"), body


def test_a_file_of_another_medium_is_refused(server: Server) -> None:
    picture = odd_media.picture()
    status, body = server.execute(input_text="x", output_config="reencode", params={"audio": sent(server, picture)})
    assert (status, body["error"]["field"], body["error"]["allowed"]) == (422, "params.audio", ["audio", "video"])


def test_what_is_too_large_for_the_backend_ends_the_run_in_words(tmp_path: Path, definitions: Path) -> None:
    settings: dict[str, Any] = {"definitions": [str(definitions)], "embedded": False}
    with NodeHost(tmp_path / "host", "embedded", 0, "--max-upload-bytes", str(2 << 20)) as host:
        settings["backends"] = [{"name": "host", "url": host.url, "kind": "comfyui"}]
        with Server(tmp_path / "exports", **settings) as server:
            audio = sent(server, tone(440, seconds=36))
            status, body = server.execute(input_text="x", output_config="reencode", params={"audio": audio})
    assert (status, body["error"]["code"]) == (502, "input_too_large"), body
    assert "3 MiB" in body["error"]["message"]


def test_the_embedded_backend_takes_the_largest_file_that_may_be_sent_here(server: Server) -> None:
    """Its limit is the server's own, with room for the form around the file: not that of a ComfyUI, which is fixed."""
    large = tone(440)
    large += bytes(LIMIT_BYTES - len(large))
    assert loudest_hz(made(server, sent(server, large))) == pytest.approx(440, abs=3)
    words = Path(f"/proc/{server.child('devserver.host')}/cmdline").read_text().split("\0")
    limit = int(words[words.index("--max-upload-bytes") + 1])
    assert LIMIT_BYTES < limit < MAX_UPLOAD_BYTES


def test_the_limit_is_a_setting_and_is_named(server: Server) -> None:
    status, body = server.call("POST", "/api/uploads", tone(440, seconds=10))
    assert (status, body["error"]["allowed"]) == (413, "at most 0.5 MiB")


def test_the_command_line_sends_the_file_it_is_given(tmp_path: Path, definitions: Path) -> None:
    song = tmp_path / "my song.wav"
    song.write_bytes(tone(880))
    given = ["--output", "reencode", "--exports", str(tmp_path / "exports"), "--safety-level", "off"]
    done = tonewright("run", "x", *given, "--param", f"audio=@{song}", definitions=json.dumps([str(definitions)]))
    assert done.returncode == 0, done.stderr
    file = next(line for line in done.stdout.splitlines() if line.startswith("File")).split(maxsplit=1)[1]
    assert loudest_hz(Path(file).read_bytes()) == pytest.approx(880, abs=3)
    done = tonewright("run", "x", *given, "--param", f"audio=@{tmp_path}/none.wav")
    assert (done.returncode, "there is no file" in done.stderr) == (2, True)
