"""Whatever sound, film or picture somebody sends: it becomes what was asked for, or is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from devserver.nodes.studio.decode import decode_blocks
from tests.doubles import odd_media
from tests.doubles.programs import Server

OUTPUTS = ("mastered_recording", "stems_preview", "recording_video")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "server.log"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Server]:
    to_log = ("sh", "-c", 'exec "$@" 2>"$0"', str(log))
    with Server(tmp_path_factory.mktemp("exports"), before=to_log, log_level="info") as running:
        yield running
    written = log.read_text()
    assert "Traceback" not in written
    assert " ERROR " not in written


def send(server: Server, name: str, content: bytes) -> tuple[int, Any]:
    return server.call("POST", f"/api/uploads?name={quote(name)}", content)


def run(server: Server, output: str, audio: Any) -> tuple[int, Any]:
    return server.execute(input_text="my song", output_config=output, params={"audio": audio})


def codes(warnings: list[dict[str, Any]]) -> set[str]:
    return {warning["code"] for warning in warnings}


@pytest.mark.parametrize("name", [*odd_media.SOUNDS, *odd_media.FILMS])
def test_what_can_be_heard_is_worked_on(server: Server, name: str) -> None:
    status, kept = send(server, name, {**odd_media.SOUNDS, **odd_media.FILMS}[name]())
    assert status in (200, 201), kept
    for output in OUTPUTS:
        status, body = run(server, output, kept["id"])
        assert status == 200, (output, body["error"])
        told = {code for code in codes(body["warnings"]) if code.startswith("input_")}
        assert told == {f"input_{warning['code']}_audio" for warning in kept["warnings"]}


@pytest.mark.parametrize("name", odd_media.REFUSED)
def test_what_cannot_be_used_is_refused_by_its_own_name(server: Server, name: str) -> None:
    status, body = send(server, name, odd_media.REFUSED[name]())
    error = body["error"]
    assert (status, error["field"], error["value"]) == (415 if status == 415 else 422, "file", name)
    assert error["message"].startswith(f'"{name}" ')
    assert error["hint"]
    assert str(server.exports) not in str(error)
    uploads = server.exports / ".state" / "uploads"
    assert list(uploads.glob("*.part")) == []


@pytest.mark.parametrize("name", [*odd_media.SILENT_FILMS, *odd_media.SILENT_SOUNDS])
def test_what_cannot_be_heard_is_kept_and_refused_where_a_sound_is_needed(server: Server, name: str) -> None:
    status, kept = send(server, name, {**odd_media.SILENT_FILMS, **odd_media.SILENT_SOUNDS}[name]())
    assert status in (200, 201), kept
    for output in OUTPUTS:
        status, body = run(server, output, kept["id"])
        assert (status, body["error"]["field"]) == (422, "params.audio")
        assert body["error"]["message"].startswith(f'"{name}" is ')
        assert "params.audio needs a sound" in body["error"]["message"]


def test_the_centre_of_a_surround_sound_is_heard_on_both_sides_of_what_is_made(server: Server) -> None:
    sound = 0 * odd_media.tone(channels=6)
    sound[2] = odd_media.tone(hz=1000, channels=1)[0]
    sound[3] = odd_media.tone(hz=100, channels=1)[0]
    _, kept = send(server, "film mix.wav", odd_media.wav(sound, mask=odd_media.SPEAKERS))
    _, body = run(server, "mastered_recording", kept["id"])
    made = server.exports / body["run_id"] / body["media_output"]["metadata"]["filename"]
    heard = np.concatenate([block for block, _ in decode_blocks(made)], axis=1)
    loudest = np.abs(np.fft.rfft(heard)).argmax(axis=1) * odd_media.RATE / heard.shape[1]
    assert loudest == pytest.approx([1000, 1000], abs=3)
    (told,) = [one for one in body["warnings"] if one["code"] == "input_mixed_down_audio"]
    assert told["message"].startswith('"film mix.wav" (params.audio): It has 6 channels (5.1)')
