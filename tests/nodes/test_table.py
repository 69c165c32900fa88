"""What every node of ours keeps, so that any host can run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.nodes import NODE_DISPLAY_NAME_MAPPINGS, TABLE
from devserver.nodes.host import Cancelled, Host, check_output, current

from .conftest import defaults, make

SONG = TABLE["TonewrightCompose"]().run(**defaults(TABLE["TonewrightCompose"]) | {"prompt": "house", "seconds": 6.0})[0]
HOUSE = {"waveform": make("house", 6.0).mix[np.newaxis], "sample_rate": 48_000}
EXAMPLES: dict[str, dict[str, Any]] = {
    "TonewrightCompose": defaults(TABLE["TonewrightCompose"]) | {"prompt": "house", "seconds": 6.0},
    "TonewrightSynthesise": {"song": SONG},
    "TonewrightRender": defaults(TABLE["TonewrightRender"]) | {"song": SONG, "format": "mp3"},
    "TonewrightMidi": {"song": SONG, "filename_prefix": "piece"},
    "TonewrightAnalyse": {"audio": HOUSE},
    "TonewrightSeparate": {"audio": HOUSE},
    "TonewrightStyle": {"audio": HOUSE},
    "TonewrightArrange": {"plan": "", "drums": HOUSE, "lead": HOUSE},
    "TonewrightMix": {"plan": "", "drums": HOUSE, "chords": HOUSE},
    "TonewrightMaster": defaults(TABLE["TonewrightMaster"]) | {"audio": HOUSE},
    "TonewrightVisualise": defaults(TABLE["TonewrightVisualise"]) | {"audio": HOUSE, "title": "House", "lyrics": "la"},
    "TonewrightConvert": defaults(TABLE["TonewrightConvert"]) | {"audio": HOUSE, "format": "mp3"},
    "TonewrightSaveText": {"text": SONG, "format": "txt", "filename_prefix": "song"},
    "TonewrightPeaks": defaults(TABLE["TonewrightPeaks"]) | {"audio": HOUSE, "filename_prefix": "outline"},
}


class CountingHost(Host):
    """Counts the checks and stops the node at one of them."""

    def __init__(self, folder: Path, stop_at: int = 0) -> None:
        super().__init__(folder / "output")
        self.checks, self.stop_at = 0, stop_at
        self.reports: list[tuple[int, int]] = []

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.stop_at:
            raise Cancelled

    def report(self, done: int, total: int) -> None:
        self.reports.append((done, total))


def run(name: str, host: Host) -> Any:
    node = TABLE[name]
    token = current.set(host)
    try:
        return check_output(node, getattr(node(), node.FUNCTION)(**_read_only(EXAMPLES[name])))
    finally:
        current.reset(token)


def result(output: Any) -> tuple[Any, ...]:
    return tuple(output["result"] if isinstance(output, dict) else output)


@pytest.mark.parametrize("name", TABLE)
def test_a_node_follows_the_convention(name: str) -> None:
    node = TABLE[name]
    assert name.startswith("Tonewright")
    assert node.CATEGORY.startswith("tonewright/")
    assert node.DESCRIPTION
    assert NODE_DISPLAY_NAME_MAPPINGS[name] == node.DISPLAY_NAME
    assert len(node.RETURN_NAMES) == len(node.RETURN_TYPES)
    assert set(node.INPUT_TYPES()) <= {"required", "optional"}
    assert not hasattr(node, "IS_CHANGED")
    assert not hasattr(node, "VALIDATE_INPUTS")


@pytest.mark.parametrize("name", TABLE)
def test_a_node_runs_bare_on_read_only_inputs_and_twice_alike(name: str, tmp_path: Path) -> None:
    first, second = (result(run(name, Host(tmp_path))) for _ in range(2))
    for kind, one, other in zip(TABLE[name].RETURN_TYPES, first, second, strict=True):
        if kind == "AUDIO":
            assert one["waveform"].dtype == np.float32
            assert one["waveform"].ndim == 3
            assert one["waveform"].tobytes() == other["waveform"].tobytes()
        else:
            assert one == other


LONG = ["Synthesise", "Render", "Analyse", "Mix", "Master", "Convert"]


@pytest.mark.parametrize("name", [f"Tonewright{name}" for name in LONG])
def test_a_long_node_checks_often_and_stops_at_once(name: str, tmp_path: Path) -> None:
    whole = CountingHost(tmp_path)
    run(name, whole)
    assert whole.checks > 4 * 6  # seconds of sound; work runs many times faster than the sound lasts
    assert whole.reports[-1][0] == whole.reports[-1][1]
    for stop_at in (1, whole.checks // 2, whole.checks):
        host = CountingHost(tmp_path, stop_at)
        with pytest.raises(Cancelled):
            run(name, host)
        assert host.checks == stop_at


@pytest.mark.parametrize("name", ["TonewrightSynthesise", "TonewrightRender"])
def test_a_player_reports_what_it_played_and_with_what(name: str, tmp_path: Path) -> None:
    (report,) = run(name, Host(tmp_path / "output"))["ui"]["tonewright"]
    assert report["genre"] == "house"
    assert report["bpm"] > 0
    assert report["rendered_with"]["numpy"] == np.__version__
    assert report["rendered_with"]["cpu_features"]


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return {key: _read_only(item) for key, item in value.items()} if isinstance(value, dict) else value
