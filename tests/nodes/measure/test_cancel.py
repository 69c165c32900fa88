"""A cancel is heard at every check, and every node here checks all along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devserver.nodes import TABLE
from devserver.nodes.host import Cancelled, Host, current

RATE = 48_000
SECONDS = 30
SOUND = {
    "waveform": (0.1 * np.random.default_rng(1).standard_normal((1, 2, SECONDS * RATE))).astype(np.float32),
    "sample_rate": RATE,
}
PEAKS = {"points": 500, "bits": "8", "split_channels": False, "filename_prefix": "p"}
INPUTS: dict[str, dict[str, Any]] = {"Analyse": {}, "Separate": {}, "Style": {}, "Peaks": PEAKS}


class Stopping(Host):
    def __init__(self, folder: Path, stop_at: int = 0) -> None:
        super().__init__(folder)
        self.checks, self.stop_at = 0, stop_at

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.stop_at:
            raise Cancelled


def run(name: str, host: Stopping) -> None:
    node = TABLE[f"Tonewright{name}"]
    token = current.set(host)
    try:
        getattr(node(), node.FUNCTION)(audio=SOUND, **INPUTS[name])
    finally:
        current.reset(token)


@pytest.mark.parametrize("name", INPUTS)
def test_it_checks_all_along_and_stops_where_it_is_told(name: str, tmp_path: Path) -> None:
    whole = Stopping(tmp_path)
    run(name, whole)
    assert whole.checks > SECONDS / 2
    for stop_at in (1, whole.checks // 2, whole.checks):
        host = Stopping(tmp_path, stop_at)
        with pytest.raises(Cancelled):
            run(name, host)
        assert host.checks == stop_at
