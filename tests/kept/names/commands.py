"""The command line: what `--help` of each command says, and how wrong uses end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.doubles.commands import run_command
from tests.kept.masking import ROOT
from tests.kept.scenario import Scenario

COMMAND: Final = re.compile(r"^  ([a-z]+)  ", re.MULTILINE)
WRONG: Final = (
    *("", "x", "--x", "serve --port x", "serve --port 70000", "serve --role x", "serve --role web", "serve --node A_"),
    *("serve --host x", "serve --host 0.0.0.0", "serve --backend x", "serve --definitions {folder}/none", "serve x"),
    *("run", "run x --param y", "run x --param y=@{folder}/none", "run x --safety-level x", "run x --seed x"),
    *("run x --output none", "run x --preset none --output silence_mp3", "demo --backend x"),
    *("lint {folder}/none", "lint", "lint --definitions {folder}/none", "lint --definitions {folder}/broken"),
    *("import", "import {folder}/none", "import {folder}/broken/no.json", "import {folder}/broken/empty.json"),
    *("schema {folder}/broken/no.json", "agent", "agent none", "agent none:none", "agent embedded --port x"),
    *(
        "keys",
        "keys x",
        "keys add",
        "keys add A*",
        "keys add one",
        "keys add one --admin",
        "keys list",
        "keys remove none",
    ),
    *(
        "keys remove one",
        "keys remove one --exports {folder}/none",
        "doctor --rebuild --exports {folder}/empty",
        "doctor --backend x",
    ),
)
TRACEBACK: Final = re.compile("Traceback ")
# How a file of settings can be wrong.
SETTINGS: Final = {
    "unknown": "colour: red\n",
    "wrong": "port: x\nbackends: [{name: A, url: x}]\n",
    "no_mapping": "- port\n",
    "tabs": "port:\n\t1\n",
}


def _record(folder: Path) -> Mapping[str, Any]:
    (folder / "broken" / "chunks").mkdir(parents=True)
    (folder / "broken" / "chunks" / "x.yaml").write_text("kind: graph\ncolour: red\n")
    (folder / "broken" / "no.json").write_text("{")
    (folder / "broken" / "empty.json").write_text("{}")
    wrong = {line: _run(folder, line.split()) for line in WRONG}
    files = {name: _with_settings(folder, name) for name in SETTINGS}
    return {"wrong_uses": wrong, "wrong_settings": files, "help": dict(_helps(folder, ()))}


def _helps(folder: Path, words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The help of a command and of all below it, which it lists itself."""
    told = _run(folder, [*words, "--help"])["stdout"]
    yield " ".join(words) or "server.py", told
    listed = "\n".join(told).partition("Commands:\n")[2]
    for name in COMMAND.findall(listed):
        yield from _helps(folder, [*words, name])


def _with_settings(folder: Path, name: str) -> dict[str, Any]:
    place = folder / f"settings_{name}"
    place.mkdir()
    (place / "tonewright.yaml").write_text(SETTINGS[name])
    return _run(folder, ["lint"], cwd=place)


def _run(folder: Path, words: Sequence[str], cwd: Path = ROOT) -> dict[str, Any]:
    environment = {"COLUMNS": "80", "TONEWRIGHT_EXPORTS": str(folder / "exports"), "TONEWRIGHT_DISCOVER": "false"}
    ended = run_command([word.format(folder=folder) for word in words], {**os.environ, **environment}, cwd)
    return {"exit": ended.returncode, "stdout": ended.stdout.splitlines(), "stderr": _without_frames(ended.stderr)}


def _without_frames(text: str) -> list[str]:
    """The lines, and of a traceback only that it is one and what it ends with."""
    lines = text.splitlines()
    return [line for line in lines if not line.startswith(" ")] if any(map(TRACEBACK.match, lines)) else lines


SCENARIOS: Final = (Scenario("names/commands", _record, patterns={r"(?<=since )\d{4}-\d\d-\d\d": "date"}),)
