"""Writes the cases that have no file yet: `python -m tests.kept.record [GLOB]`. No file is written over."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase

from tests.kept.scenario import file_of, write
from tests.kept.scenarios import SCENARIOS


def main(wanted: str = "*") -> None:
    for scenario in SCENARIOS:
        if not fnmatchcase(scenario.name, wanted):
            continue
        new = {case: value for case, value in scenario.seen().items() if not file_of(case).exists()}
        for case, value in new.items():
            write(case, value)
        sys.stdout.write(f"{scenario.name}: {len(new)} new\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
