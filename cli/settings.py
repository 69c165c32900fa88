"""Read the settings from `tonewright.yaml`, the environment and the command line.

Each mistake is one line with its place, its value and the requirement.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsError

from config import Settings
from schemas.errors import DefinitionProblem, hint
from schemas.sources import FieldPath, draft_source
from schemas.wording import keys_at, requirement

FILE: Final = Path("tonewright.yaml")
PREFIX: Final = "TONEWRIGHT_"
SECRET: Final = ("key", "api_key", "authorization", "swarm_token", "headers", "database_url")
LONGEST_VALUE: Final = 60
NEARLY: Final = 0.8


class SettingsWrong(Exception):
    """The settings cannot be used; one line for each mistake."""


@dataclass(frozen=True)
class _File:
    """The content of `tonewright.yaml`, with the line of each field."""

    content: Mapping[str, object]
    lines: Mapping[FieldPath, int]

    def line_of(self, path: FieldPath) -> int:
        return next(self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines)


def read(given: Mapping[str, Any], file: Path = FILE) -> Settings:
    """Read the settings: the command line's values before the environment's, those before the file's.

    Raises:
        SettingsWrong: with a line for each mistake.
    """
    written = _read_file(file)

    class Read(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **sources: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_file = InitSettingsSource(settings_cls, init_kwargs=dict(written.content))
            return sources["init_settings"], sources["env_settings"], from_file

    try:
        _check_environment()
        return Read(**given)
    except SettingsError as error:
        raise SettingsWrong(_describe_unreadable(error)) from error
    except ValidationError as error:
        raise SettingsWrong("\n".join(_problems(error, given, written, file))) from error


def _read_file(file: Path) -> _File:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return _File({}, {(): 1})
    except OSError as error:
        raise SettingsWrong(f"{file}: cannot be read: {error.strerror}") from error
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw:
            raise SettingsWrong(f"{file}:1: is UTF-16 or not a text; save it as UTF-8")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsWrong(f"{file}:{line}: is not UTF-8 text; save it as UTF-8") from error
    if not any(line.split("#")[0].strip(" \r-") for line in text.splitlines()):
        return _File({}, {(): 1})
    source = draft_source("settings", file.stem, text, str(file))
    if isinstance(source, list):
        raise SettingsWrong("\n".join(_yaml_problem(problem, text) for problem in source))
    return _File(source.content, source.lines)


def _yaml_problem(problem: DefinitionProblem, text: str) -> str:
    """Describe the fault of a YAML file. A tab is hard to see, so it is named."""
    lines = dict(enumerate(text.splitlines(), 1))
    for line in (problem.line, problem.line - 1, problem.line + 1):
        if _is_indented_by_tab(lines.get(line, "")):
            return f"{problem.file}:{line}: is indented by a tab; YAML allows only spaces"
    return str(problem)


def _is_indented_by_tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]


def _check_environment() -> None:
    """Refuse a variable whose name is nearly a setting's: it is a slip and would be ignored."""
    known = list(Settings.model_fields)
    lines = []
    for variable in os.environ:
        name = variable[len(PREFIX) :].lower().partition("__")[0]
        if variable.upper().startswith(PREFIX) and name not in known and get_close_matches(name, known, 1, NEARLY):
            lines.append(f"{variable}: there is no such setting; {hint(name, known)}")
    if lines:
        raise SettingsWrong("\n".join(lines))


def _describe_unreadable(error: SettingsError) -> str:
    """Describe a list or an object in the environment that is no JSON."""
    name = next((field for field in Settings.model_fields if f'"{field}"' in str(error)), "")
    variable = _variable_of(name) or f"{PREFIX}{name.upper()}"
    cause = error.__cause__
    place = f" (column {cause.colno})" if isinstance(cause, json.JSONDecodeError) else ""
    shape = '[{"name": "gpu", "url": "http://127.0.0.1:8188"}]' if name == "backends" else '["...", "..."]'
    return f"{variable}: is not JSON{place}; write a list like {shape}"


def _problems(error: ValidationError, given: Mapping[str, object], written: _File, file: Path) -> Iterator[str]:
    faults = error.errors(include_url=False)
    for fault in sorted(faults, key=lambda fault: written.line_of(tuple(fault["loc"]))):
        path = tuple(part for part in fault["loc"] if isinstance(part, int) or part.islower())
        place = f"{_place(path, given, written, file)}: " if path else ""
        if fault["type"] == "extra_forbidden":
            known = keys_at(Settings, tuple(part for part in path[:-1]))
            yield f"{place}there is no such setting; {hint(path[-1], known)}"
            continue
        yield f"{place}{requirement(fault)}{_shown(path, fault)}"


def _place(path: FieldPath, given: Mapping[str, object], written: _File, file: Path) -> str:
    """Return the place where a value was set, and its field; an option and a variable have their own names."""
    name, field = str(path[0]), ".".join(map(str, path))
    option = "--backend" if name == "backends" else f"--{name.replace('_', '-')}"
    called = option if name in given else _variable_of(name)
    if not called:
        return f"{file}:{written.line_of(path)}: {field}"
    return called if len(path) == 1 else f"{called}: {field}"


def _variable_of(name: str) -> str:
    """Return the environment variable that sets a field, or ''."""
    wanted = f"{PREFIX}{name}".lower()
    return next((key for key in os.environ if key.lower() == wanted or key.lower().startswith(f"{wanted}__")), "")


def _shown(path: FieldPath, fault: ErrorDetails) -> str:
    value = fault.get("input")
    hidden = any(part in SECRET for part in path) or isinstance(value, dict | list) or "@" in str(value)
    hidden = hidden or ("://" in str(value) and "?" in str(value))  # of an address with a token
    if fault["type"] == "missing" or hidden or value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"; not {text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + '...'}"
