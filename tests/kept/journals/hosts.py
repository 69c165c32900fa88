"""A host that can be given the prompts of one that outlived its server, and what it has taken."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.doubles.programs import NodeHost

GATE: Final = "gate"  # a folder below the host's own, so that no journal has a path of the machine that made it
LOG: Final = "prompts.jsonl"
TABLE: Final = "tests.kept.runs.making:table"
Body = dict[str, Any]


class KeptHost(NodeHost):
    """The program, with the prompts that it has taken and the gates at which its takes wait."""

    def __init__(self, base: Path) -> None:
        self.gate, self._log = base / GATE, base / LOG
        self.gate.mkdir(parents=True, exist_ok=True)
        super().__init__(base, TABLE, module=["tests.kept.journals.writing_host", str(self._log)])

    def open_gate(self, *seeds: int) -> None:
        for seed in seeds:
            (self.gate / str(seed)).touch()

    def taken(self) -> list[Body]:
        """Return the bodies of the prompts that were accepted, in order."""
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []

    def take_again(self, bodies: list[Body]) -> set[str]:
        """Accept prompts as they were sent to another host; return the ids of those that no gate holds up."""
        free = set()
        for body in bodies:
            data = json.dumps(body).encode()
            request = urllib.request.Request(f"{self.url}/prompt", data, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=60).close()
            if self._is_open(body):
                free.add(body["prompt_id"])
        return free

    def _is_open(self, body: Body) -> bool:
        inputs = [node["inputs"] for node in body["prompt"].values()]
        return all((self.gate / str(each["seed"])).exists() for each in inputs if each.get("gate"))


def run_and_take(body: Body) -> tuple[str, int]:
    """Return the run and the take that a prompt is of, by the prefix of its files."""
    inputs = [node["inputs"] for node in body["prompt"].values()]
    prefix = str(next(values["filename_prefix"] for values in inputs if "filename_prefix" in values))
    return prefix.split("/")[1], int(prefix.rsplit("_", 2)[1])
