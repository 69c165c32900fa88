"""Every shipped output once, on a backend that has all nodes and models; what needs no model, on the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from cli.build import SHIPPED
from schemas.loader import load_tables
from tests.doubles.programs import NodeHost, Server
from tests.doubles.reencode import tone
from tests.kept.runs.inputs import picture, sent
from tests.kept.runs.seen import made
from tests.kept.scenario import Scenario
from tests.loading import load_catalog

CATALOG: Final = load_catalog([SHIPPED], load_tables([SHIPPED]))
SEED: Final = 11
SHORT: Final[dict[str, Any]] = {"seconds": 1, "frames": 17}
WHOLE_PLANS: Final = ("acestep_song", "procedural_instrumental", "mastered_recording")
LONG_ENOUGH: Final = {"bpm": 90, "seconds": 10}
TEXT: Final = "a calm song for piano and bass in F major, 92 bpm"


def _short(output: str, files: dict[str, str]) -> dict[str, Any]:
    """Return parameters that make an output quickly, and the files that it needs."""
    parameters = CATALOG.chunk_of(output).parameters
    wanted = LONG_ENOUGH if output.startswith("acestep15") else SHORT
    values = {name: value for name, value in wanted.items() if name in parameters}
    return values | {name: files[name] for name, parameter in parameters.items() if parameter.type == "file"}


def _needs_models(output: str) -> bool:
    return bool(CATALOG.chunk_of(output).models) or output == "musicgen"  # whose nodes load it by its size


def _with_models(folder: Path) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    with NodeHost(folder / "host", "tests.doubles.model_nodes:audiocraft") as host:
        backends = [{"name": "studio", "url": host.url}]
        with Server(folder / "exports", backends=backends, embedded=False) as server:
            files = {"audio": sent(server, tone(440)), "image": sent(server, picture())}
            for output in CATALOG.outputs:
                if not _needs_models(output):
                    continue
                preset = "draft" if output == "ltx_video" else "best"
                asked: dict[str, Any] = {"input_text": TEXT, "output_config": output, "preset": preset, "seed": SEED}
                cases[output] = made(
                    server, plan=True, whole_plan=output in WHOLE_PLANS, **asked, params=_short(output, files)
                )
            asked = {
                "input_text": TEXT,
                "output_config": ["acestep_instrumental", "cover_image"],
                "seed": SEED,
            }
            cases["music_and_cover"] = made(server, plan=True, **asked, params={"generation.seconds": 1})
    return cases


def _without_models(folder: Path) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    with Server(folder / "exports") as server:
        files = {"audio": sent(server, tone(440))}
        for output in CATALOG.outputs:
            if _needs_models(output):
                continue
            asked: dict[str, Any] = {"input_text": TEXT, "output_config": output, "seed": SEED}
            cases[output] = made(
                server, plan=True, whole_plan=output in WHOLE_PLANS, **asked, params=_short(output, files)
            )
        for schema in CATALOG.interceptions:
            text = made(server, input_text=TEXT, schema=schema, pipeline="text_only", seed=SEED)
            cases[f"schemas/{schema}"] = {name: text[name] for name in ("answer", "texts", "record")}
    return cases


SCENARIOS: Final = (
    Scenario("runs/outputs/with_models", _with_models),
    Scenario("runs/outputs/embedded", _without_models),
)
