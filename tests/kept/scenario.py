"""A scenario makes things happen and returns its cases: what was seen, by name, as plain JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.kept.masking import Mask

RECORDED: Final = Path(__file__).parent / "recorded"


@dataclass(frozen=True, eq=False)
class Scenario:
    """`record` gets an empty folder of its own; `keys` and `patterns` are masked besides what always is."""

    name: str
    record: Callable[[Path], Mapping[str, Any]]
    keys: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def part(self) -> str:
        return self.name.partition("/")[0]

    def seen(self) -> dict[str, Any]:
        """The cases as they are now, masked; by their full names."""
        outcome = self._outcome()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @cache  # noqa: B019 - a scenario lives as long as the program
    def _outcome(self) -> dict[str, Any] | Exception:
        with tempfile.TemporaryDirectory(prefix="kept-") as folder:
            try:
                cases = self.record(Path(folder))
            except Exception as error:  # noqa: BLE001 # reason: raised again for each case, not made again for each
                return error
            mask = Mask(Path(folder), self.keys, self.patterns)
            return {f"{self.name}/{name}": mask(value) for name, value in cases.items()}

    def recorded(self) -> list[str]:
        """The full names of the cases that have a file."""
        return sorted(
            path.relative_to(RECORDED).as_posix().removesuffix(".json")
            for path in (RECORDED / self.name).rglob("*.json")
        )


def file_of(case: str) -> Path:
    return RECORDED / f"{case}.json"


def read(case: str) -> Any:
    return json.loads(file_of(case).read_text())


def write(case: str, value: Any) -> None:
    file_of(case).parent.mkdir(parents=True, exist_ok=True)
    file_of(case).write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
