"""What `doctor` reports, and where it says that something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import doctor
from cli.doctor import examine
from config import Settings
from tests.doubles.llm import LlmServer
from tests.doubles.programs import NodeHost


async def report(folder: Path, **settings: Any) -> tuple[str, bool]:
    given = Settings.model_validate({"exports": folder / "exports", "discover": False, "port": 9, **settings})
    lines, well = await examine(given)
    return "\n".join(lines), well


async def test_without_a_backend_nothing_is_wrong_and_how_to_name_one_is_said(tmp_path: Path) -> None:
    told, well = await report(tmp_path)
    assert well
    assert "no problem" in told
    assert "backends     none configured: name a ComfyUI or a SwarmUI with --backend" in told
    assert "server       none answers at http://127.0.0.1:9" in told
    assert not (tmp_path / "exports").exists()


async def test_it_tells_what_a_backend_can_run_and_what_is_missing(tmp_path: Path) -> None:
    with NodeHost(tmp_path / "host") as host:
        told, well = await report(tmp_path, backends=[{"name": "host", "url": host.url}])
    assert well, told
    assert "procedural_instrumental: can run" in told
    assert "acestep_instrumental: cannot run" in told
    assert "put ace_step_v1_3.5b.safetensors into models/checkpoints" in told
    assert "queue: 0 running, 0 waiting" in told


async def test_a_silent_backend_is_wrong_and_what_to_do_is_said(tmp_path: Path) -> None:
    told, well = await report(tmp_path, backends=[{"name": "gone", "url": "http://127.0.0.1:9"}])
    assert not well
    assert "SILENT       gone at http://127.0.0.1:9: " in told
    assert "Is it running? Start it, or remove it from the configuration." in told


async def test_it_asks_the_language_models(tmp_path: Path) -> None:
    with LlmServer([], models=["tiny:latest", "small"]) as llm:
        here = {"name": "here", "url": llm.url, "model": "tiny"}
        told, well = await report(tmp_path, llms=[here])
        assert well, told
        assert f"here at {llm.url} has tiny (brief, interception, safety, translation)" in told
        told, well = await report(tmp_path, llms=[{**here, "model": "smal"}])
    assert not well
    assert "MISSING      here has no smal; it has small" in told
    told, well = await report(tmp_path, llms=[here])
    assert not well
    assert "SILENT       here does not answer" in told


async def test_a_check_that_no_model_makes_is_wrong(tmp_path: Path) -> None:
    told, well = await report(tmp_path, llm_check=True)
    assert not well
    assert "WRONG        llm_check is on, but no llm has the step safety: youth and kids refuse every text" in told


async def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED", ("numpy", "there_is_no_such_package"))
    told, well = await report(tmp_path)
    assert not well
    assert "MISSING      the package there_is_no_such_package: run `make setup`" in told


async def test_every_problem_of_the_definitions_is_listed(tmp_path: Path) -> None:
    (tmp_path / "chunks").mkdir()
    for name in "ab":
        (tmp_path / "chunks" / f"{name}.yaml").write_text("kind: [")
    told, well = await report(tmp_path, definitions=[tmp_path])
    assert not well
    assert "2 problems" in told
    assert told.count("WRONG ") == 2
