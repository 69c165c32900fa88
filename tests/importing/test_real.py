"""With COMFYUI_URL: what was imported goes through a real ComfyUI as far as it can without any model."""

from __future__ import annotations

import json
import os
from pathlib import Path

from schemas.graph import Graph
from tests.doubles.commands import tonewright
from tests.doubles.programs import Server
from tests.importing.test_server import QUIET


def test_a_saved_graph_runs_and_a_song_is_refused_naming_its_model(tmp_path: Path, song: Graph) -> None:
    url, own = os.environ["COMFYUI_URL"], tmp_path / "own"
    for name, graph in {"quiet": QUIET, "a_song": song}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(graph))
        done = tonewright("import", str(tmp_path / f"{name}.json"), "--backend", url, "--definitions", str(own))
        assert done.returncode == 0, done.stderr
    backends = [{"name": "real", "url": url}]
    with Server(tmp_path / "exports", backends=backends, embedded=False, definitions=[str(own)]) as server:
        status, done = server.execute(input_text="x", output_config="quiet")
        assert status == 200, done
        assert list((server.exports / done["run_id"]).rglob("*.flac"))
        status, refused = server.execute(input_text="x", output_config="a_song")
        assert status == 409
        assert "ace_step_v1_3.5b.safetensors" in json.dumps(refused["error"])
