"""Definition files as values, with the line of every field: YAML by its node marks, JSON by a scan of its tokens."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from schemas.errors import DefinitionProblem
from schemas.json_values import Json, JsonObject, is_deeper
from schemas.texts import LONGEST_NUMBER, Unreadable, parse_json, read_text

FieldPath = tuple[str | int, ...]
DEEPEST: Final = 64
TOO_DEEP: Final = f"is nested deeper than {DEEPEST} levels"
LONGEST_YAML: Final = 1 << 18  # characters; the longest that is shipped has 5,000
MOST_VALUES: Final = 20_000
MOST_PROBLEMS: Final = 100  # of one file; nobody reads more
HARMLESS_LEVELS: Final = 400  # that many no loader minds
BEFORE_CONTENT: Final = re.compile(r"^[ \-?:]+", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One definition file as it was read. `lines` gives each field's line, by its path from the top."""

    kind: str
    name: str
    file: str
    sha256: str
    content: JsonObject
    lines: Mapping[FieldPath, int]

    def problem(self, path: FieldPath, message: str) -> DefinitionProblem:
        """Return a problem at a field; a field that is not in the file is placed at the one that it is missing from."""
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in self.lines)
        return DefinitionProblem(self.file, self.lines[known], ".".join(map(str, path)), message)


class _PlainLoader(yaml.SafeLoader):
    """YAML 1.2's plain scalars (`off`, `no`, 12:30 and a date are text), and no aliases: they hide where a value is."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not used here", problem_mark=mark)
        return super().compose_node(parent, index)


class _FastLoader(getattr(yaml, "CSafeLoader", _PlainLoader)):  # type: ignore[misc]
    """The same on libyaml, where PyYAML was built with it: ten times as fast, with errors in other words."""


Loader = type[_PlainLoader] | type[_FastLoader]

_PlainLoader.yaml_implicit_resolvers = _FastLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|", "~n"),
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def _number(node: yaml.Node, read: Callable[[str], float]) -> float:
    if len(node.value) > LONGEST_NUMBER or not math.isfinite(read(node.value)):
        problem = f"{node.value[:LONGEST_NUMBER]} is a number that cannot be kept"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return read(node.value)


for _loader in (_PlainLoader, _FastLoader):
    _loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _number(node, int))
    _loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: _number(node, float))


def read_source(kind: str, path: Path, shown: str) -> Source | list[DefinitionProblem]:
    """Read one file; `shown` is how messages name it. A file that cannot be read gives its problems instead."""
    try:
        text = read_text(path)
    except Unreadable as e:
        return [DefinitionProblem(shown, e.line, "", e.reason)]
    return draft_source(kind, path.stem, text, shown, json_text=path.suffix == ".json")


def draft_source(
    kind: str, name: str, text: str, shown: str, *, json_text: bool = False
) -> Source | list[DefinitionProblem]:
    """Read a text as the file that it would be; JSON is YAML as well, and only a graph's file must be JSON."""
    content, lines, problems = _read_json(text, shown, kind) if json_text else _read_yaml(text, shown)
    if problems:
        return problems
    if not isinstance(content, dict):
        return [DefinitionProblem(shown, 1, "", "must be a mapping of fields to values")]
    return Source(kind, name, shown, hashlib.sha256(text.encode()).hexdigest(), content, lines)


Read = tuple[Json, dict[FieldPath, int], list[DefinitionProblem]]


def _read_yaml(text: str, shown: str) -> Read:
    """Read YAML with the fast loader; if it fails or there may be an alias, with the plain one and its messages."""
    if len(text) > LONGEST_YAML:
        what = f"has {len(text)} characters; at most {LONGEST_YAML} are allowed"
        return None, {}, [DefinitionProblem(shown, 1, "", what)]
    if "*" not in text:
        read = _load(_FastLoader, text, shown)
        if not read[2]:
            return read
    return _load(_PlainLoader, text, shown)


def _find_deep_line(kind: Loader, text: str) -> int | None:
    """Return the line in which a text nests too deep; libyaml's composer would end the process.

    Only a text that could be deep is looked through: each level needs a bracket, or a column before its line's content.
    """
    brackets = text.count("[") + text.count("{")
    if brackets + max((len(prefix) for prefix in BEFORE_CONTENT.findall(text)), default=0) <= HARMLESS_LEVELS:
        return None
    depth, loader = 0, kind(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > HARMLESS_LEVELS:
                return int(event.start_mark.line) + 1
    finally:
        loader.dispose()
    return None


def _load(kind: Loader, text: str, shown: str) -> Read:
    lines: dict[FieldPath, int] = {}
    problems: list[DefinitionProblem] = []
    loader = None
    try:
        if (line := _find_deep_line(kind, text)) is not None:
            return None, {}, [DefinitionProblem(shown, line, "", TOO_DEEP)]
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}, []
        _map_lines(node, (), lines, problems, shown)
        if len(lines) > MOST_VALUES:
            return None, {}, [DefinitionProblem(shown, 1, "", f"has more than {MOST_VALUES} values")]
        return loader.construct_document(node), {(): 1, **lines}, problems
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        what = ", ".join(part for part in (e.problem, e.context) if part)
        wrong = (mark.line + 1 if mark else 1, f"is not YAML: {what}")
    except yaml.reader.ReaderError as e:
        wrong = (text.count("\n", 0, e.position) + 1, f"is not YAML: {e.reason}")
    except (yaml.YAMLError, ValueError) as e:
        wrong = (1, f"is not YAML: {e}")
    except RecursionError:
        wrong = (1, TOO_DEEP)
    finally:
        if loader is not None:
            loader.dispose()
    return None, {}, [DefinitionProblem(shown, wrong[0], "", wrong[1])]


def _map_lines(
    node: yaml.Node, path: FieldPath, lines: dict[FieldPath, int], problems: list[DefinitionProblem], shown: str
) -> None:
    """Note the line of each key and item, keys that are given twice, and what is too deep, until it is too much."""
    if len(problems) >= MOST_PROBLEMS or len(lines) > MOST_VALUES:
        return
    if len(path) > DEEPEST:
        problems.append(DefinitionProblem(shown, node.start_mark.line + 1, ".".join(map(str, path[:3])), TOO_DEEP))
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if here in lines and len(problems) < MOST_PROBLEMS:
                problems.append(
                    DefinitionProblem(
                        shown, line, ".".join(map(str, here)), f"is given twice, first in line {lines[here]}"
                    )
                )
            lines[here] = line
            _map_lines(value, here, lines, problems, shown)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[*path, index] = value.start_mark.line + 1
            _map_lines(value, (*path, index), lines, problems, shown)


def _read_json(text: str, shown: str, kind: str) -> Read:
    """Return a table is read as the answer of a backend is, which may hold NaN and Infinity."""
    try:
        content = parse_json(text, endless=kind == "table")
    except Unreadable as e:
        return None, {}, [DefinitionProblem(shown, e.line, "", e.reason)]
    if is_deeper(content, DEEPEST):
        return None, {}, [DefinitionProblem(shown, 1, "", TOO_DEEP)]
    return content, json_lines(text), []


def json_lines(text: str) -> dict[FieldPath, int]:
    """Return the line of each key of each object in valid JSON; items of arrays are not placed."""
    lines: dict[FieldPath, int] = {(): 1}
    path: list[str] = []
    open_objects: list[bool] = []
    line, key = 1, ""
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]:\n]', text):
        mark = token[0]
        if mark == "\n":
            line += 1
        elif mark in "{[":
            path.append(key)
            open_objects.append(mark == "{")
            key = ""
        elif mark in "}]":
            path.pop()
            open_objects.pop()
        elif mark == ":" and open_objects[-1]:
            lines[*path[1:], key] = line
        elif mark != ":":
            key = json.loads(mark)
    return lines
