"""Whatever sound, film or picture somebody sends: it becomes what was asked for, or is refused in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from tests.acceptance.test_uploads import loudest_hz
from tests.doubles import odd_media
from tests.doubles.programs import Server

OUTPUTS = ("mastered_recording", "stems_preview", "recording_video")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("exports")) as running:
        yield running


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
