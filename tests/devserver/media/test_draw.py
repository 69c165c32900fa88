"""Drawing from the server's process, which loads no decoder for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from devserver.media.draw import draw
from tests.devserver.media_files import write_audio
from tests.doubles.programs import ROOT


def test_the_decoder_is_loaded_where_something_is_drawn_and_not_before(tmp_path: Path) -> None:
    code = "import sys, devserver.media.draw; print({'av', 'numpy', 'PIL'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    draw(write_audio(tmp_path / "a.wav"), tmp_path / "a.json", "peaks.json")
    assert json.loads((tmp_path / "a.json").read_bytes())["length"] > 0
