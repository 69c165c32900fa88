"""What may stand in the files that people write: the settings, and the definitions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from config import Settings
from tests.kept.masking import ROOT
from tests.kept.scenario import Scenario


def _record(folder: Path) -> Mapping[str, Any]:
    command = [sys.executable, "server.py", "schema", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    definitions = {f"definitions/{path.stem}": json.loads(path.read_text()) for path in folder.glob("*.json")}
    return {"settings": Settings.model_json_schema(), **definitions}


SCENARIOS: Final = (Scenario("names/files", _record),)
