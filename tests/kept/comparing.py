"""Where what is seen differs from what was recorded, and which line of changed.yaml wants it so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

CHANGED: Final = Path(__file__).parent / "changed.yaml"
GONE: Final = "<gone>"  # in the place of a value that was not there, or is there no longer
# In the place of a value that depends on the machine, where this one is not the machine that it was recorded on.
NOT_COMPARABLE: Final = "<not comparable on this machine>"
LONGEST_SHOWN: Final = 2000


@dataclass(frozen=True)
class Difference:
    """One value of a case; `path` leads to it: `show/admin/headers/Content-Type`."""

    case: str
    path: str
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"  at {self.path or 'the whole case'}\n    was {_shown(self.was)}\n    now {_shown(self.now)}"


@dataclass(frozen=True, eq=False)
class Change:
    """A line of changed.yaml: wanted differences and the reason for them. `case` and `at` are globs."""

    case: str
    why: str
    at: str = "*"
    now: Any = ...

    @property
    def part(self) -> str:
        return self.case.partition("/")[0]

    def wants(self, found: Difference) -> bool:
        named = fnmatchcase(found.case, self.case) and fnmatchcase(found.path, self.at)
        return named and (self.now is ... or _is(self.now, found.now))


def _is(wanted: Any, value: Any) -> bool:
    """Whether a value is as a line of changed.yaml has it: a text may be a glob, an object may name some keys."""
    if isinstance(wanted, dict) and wanted and isinstance(value, dict):
        return all(key in value and _is(each, value[key]) for key, each in wanted.items())
    if isinstance(wanted, str) and isinstance(value, str) and fnmatchcase(value, wanted):
        return True
    return _text(wanted) == _text(value)


def read_changes() -> list[Change]:
    return [Change(**line) for line in yaml.safe_load(CHANGED.read_text()) or []]


def counted_together(value: Any) -> Any:
    """Return a case in which the nodes that ran are told once for all prompts of a run, where it had several.

    Prompts beside each other reach a backend in either order, and a node whose result it has kept from the one before
    does not run again: which of them ran it depends on the moment.
    """
    if isinstance(value, list):
        return [counted_together(each) for each in value]
    if not isinstance(value, dict):
        return value
    value = {name: counted_together(each) for name, each in value.items()}
    stages = value["stages"] if isinstance(value.get("stages"), list) else []
    attempts = [attempt for stage in stages if isinstance(stage, dict) for attempt in stage.get("attempts", [])]
    results = [attempt["result"] for attempt in attempts if isinstance(attempt["result"].get("nodes"), list)]
    if len(results) > 1:
        value["nodes"] = sorted((node for result in results for node in result["nodes"]), key=_text)
        for result in results:
            result["nodes"] = "<told together>"
    return value


def differences(case: str, was: Any, now: Any, path: str = "") -> Iterator[Difference]:
    """The smallest values that differ; lists are aligned first, so that one item more is one difference."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from differences(case, was.get(key, GONE), now.get(key, GONE), f"{path}/{key}".lstrip("/"))
    elif isinstance(was, list) and isinstance(now, list):
        for index, before, after in _aligned(was, now):
            yield from differences(case, before, after, f"{path}/{index}".lstrip("/"))
    elif NOT_COMPARABLE not in (was, now) and _text(was) != _text(now):
        yield Difference(case, path, was, now)


def _aligned(was: list[Any], now: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Pairs of items with the index that the first has in what was recorded, or the second where it is new."""
    before, after = [_text(item) for item in was], [_text(item) for item in now]
    for _, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for n in range(max(i2 - i1, j2 - j1)):
            i, j = i1 + n, j1 + n
            yield (i if i < i2 else j), (was[i] if i < i2 else GONE), (now[j] if j < j2 else GONE)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _shown(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}... ({len(text)} characters)"
