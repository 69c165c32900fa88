"""Every example of ComfyUI for ACE-Step, Stable Audio, LTX and Wan, imported without a hand on it.

`pip install -e '.[templates]'` brings the examples; without them this file is not collected.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from devserver.definitions.definition_files import read_graph, write_definitions
from schemas.importing.admit import Imported, import_graph
from schemas.importing.drafts import name_from
from schemas.importing.form import ImportRefused
from schemas.lint import lint, lint_backend
from schemas.loader import load_tables
from schemas.nodes import NodeTable
from tests.importing.templates import graphs
from tests.loading import load_catalog

SHIPPED = Path(__file__).parents[2] / "schemas"
# Those with nodes of a paid service or of a pack, and the classes that are not ComfyUI's own.
ABSENT: dict[str, tuple[str, ...]] = {
    "api_wan_image_to_video.json": ("WanImageToVideoApi",),
    "api_wan_text_to_image .json": ("WanTextToImageApi",),
    "api_wan_text_to_image.json": ("WanTextToImageApi",),
    "api_wan_text_to_video.json": ("WanTextToVideoApi",),
    "video_wan2_2_14B_animate.json": (
        *("BlockifyMask", "DWPreprocessor", "DownloadAndLoadSAM2Model", "DrawMaskOnImage"),
        *("PixelPerfectResolution", "PointsEditor", "Sam2Segmentation"),
    ),
}


@pytest.fixture(scope="module")
def results(table: NodeTable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Imported | ImportRefused]:
    few = tmp_path_factory.mktemp("few")  # each is held against the pipelines alone; against all of it below, at once
    shutil.copytree(SHIPPED / "pipelines", few / "pipelines")
    common: dict[str, Any] = {"folders": [few], "tables": load_tables([SHIPPED]), "live": table}
    found: dict[str, Imported | ImportRefused] = {}
    for path in graphs():
        try:
            name = f"t_{name_from(path.stem)}"
            found[path.name] = import_graph(read_graph(path), name=name, origin=path.name, **common)
        except ImportRefused as refused:
            found[path.name] = refused
    return found


def test_what_cannot_run_names_exactly_the_absent_classes(results: dict[str, Imported | ImportRefused]) -> None:
    refused = {name: one.absent for name, one in results.items() if isinstance(one, ImportRefused)}
    assert refused == ABSENT
    assert len(results) == 37


def test_all_others_are_clean_together(
    results: dict[str, Imported | ImportRefused], table: NodeTable, tmp_path: Path
) -> None:
    done = {name: one for name, one in results.items() if isinstance(one, Imported)}
    for one in done.values():
        assert one.draft.warnings == ()
        write_definitions(tmp_path, one.files)
    folders = [SHIPPED, tmp_path]
    tables = load_tables(folders)
    assert lint(folders, tables) == []
    recorded = NodeTable.from_json(table.to_trimmed())
    lacking = lint_backend(load_catalog(folders, tables), recorded)
    assert {one.draft.name: lacking[one.draft.name] for one in done.values()} == {
        one.draft.name: () for one in done.values()
    }


def test_each_has_what_people_change(results: dict[str, Imported | ImportRefused]) -> None:
    for name, one in results.items():
        if isinstance(one, ImportRefused):
            continue
        parameters = set(one.draft.chunk["parameters"])
        assert {"prompt", "seed", "steps"} <= parameters, name
        assert parameters & {"cfg", "cfg_2"}, name
        assert parameters & {"seconds", "frames", "audio", "video"}, name
        assert one.draft.config["values"] == {"prompt": "${text}"}, name
        assert [output["role"] for output in one.draft.chunk["outputs"]].count("main") == 1, name
        assert all(model["folder"] != model["input"].removesuffix("_name") or model["folder"] == "vae"
                   for model in one.draft.chunk["models"]), name  # fmt: skip
