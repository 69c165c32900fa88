"""The kinds of drawings: each can be made, and is served as what it is."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import get_args

import pytest

from devserver.media.drawing import draw
from devserver.media.drawing_kinds import DrawingKind, NoSound
from devserver.playback.derived import MIMES
from tests.devserver.media_files import write_audio

MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "application/json": b"{"}


def test_each_kind_has_a_type_of_its_own_and_no_other_has() -> None:
    assert set(get_args(DrawingKind)) == set(MIMES) == {"peaks.json", "waveform.png", "spectrogram.png"}


@pytest.mark.parametrize("what", get_args(DrawingKind))
def test_each_kind_is_drawn_as_its_type_says(tmp_path: Path, what: DrawingKind) -> None:
    draw(write_audio(tmp_path / "a.wav", 0.1), tmp_path / what, what)
    content = (tmp_path / what).read_bytes()
    assert content.startswith(MAGIC[MIMES[what]])
    assert what != "peaks.json" or json.loads(content)["length"] > 0


def test_the_lack_of_a_sound_comes_back_from_a_worker_process_with_its_words() -> None:
    error = pickle.loads(pickle.dumps(NoSound("a.png has no sound")))
    assert (type(error), str(error)) == (NoSound, "a.png has no sound")
