"""The rooms of the house and their doors: `rooms.yaml` says who may import whom, and which packages."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import (
    COMFYUI_WRAPPER,
    FREE,
    OURS,
    ROOMS,
    ROOT,
    imports,
    module_of,
    room_of,
    sources,
    written,
)

# Modules of Python, and one of a package, that not every room may use; a row lists them as it lists packages.
GUARDED = ("aiohttp.web", "fcntl", "importlib", "multiprocessing", "os.environ", "os.getenv", "sqlite3", "subprocess")
# No other module lies loose there.
LOOSE = {"devserver": ("__init__", "app", "run"), "my_app": ("__init__", "flask_app", "front", "table")}


def opens(entry: str, module: str) -> bool:
    """Whether a name in the table of rooms opens a module: a room, or one module or folder of a room."""
    if entry.endswith(".*"):
        return module.startswith(entry[:-1])
    if entry in ROOMS:
        return room_of(module) == entry
    return module == entry or module.startswith(f"{entry}.")


def room_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    """Imports of rooms that the own room may not enter."""
    own = room_of(module_of(path))
    if own is None:
        return
    for node, name in imports(tree, path):
        top = name.split(".")[0]
        if top in FREE:
            yield f"line {node.lineno}: {own} imports {name}"
        if top not in OURS or room_of(name) == own or any(opens(entry, name) for entry in ROOMS[own]["rooms"]):
            continue
        reason = "reads config itself; it is handed values" if top == "config" else f"imports {name}"
        yield f"line {node.lineno}: {own} {reason}"


def names_used(tree: ast.Module, path: Path) -> Iterator[tuple[int, str]]:
    """Every imported name, and every attribute of a module that is guarded, each with its line."""
    yield from ((node.lineno, name) for node, name in imports(tree, path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in GUARDED:
            yield node.lineno, name
        if isinstance(node, ast.Name) and node.id == "__import__":
            yield node.lineno, "importlib"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            loaded = node.args[0]
            if isinstance(loaded, ast.Constant) and isinstance(loaded.value, str):
                yield node.lineno, loaded.value


def foreign_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    """Packages, and guarded modules of Python, that the own room may not use."""
    own = room_of(module_of(path))
    if own is None or path == COMFYUI_WRAPPER:
        return
    allowed = ROOMS[own]["packages"]
    for line, name in names_used(tree, path):
        top = name.split(".")[0]
        guarded = next((one for one in GUARDED if name == one or name.startswith(f"{one}.")), None)
        fits = guarded in allowed if guarded else top in allowed or top in OURS | FREE | sys.stdlib_module_names
        if not fits:
            yield f"line {line}: {own} uses {guarded or name}"


MUTABLE = {"dict", "list", "set", "deque", "defaultdict", "Counter", "WeakValueDictionary", "WeakKeyDictionary"}
CHANGES = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"}


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).split(".")[-1] in MUTABLE
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def is_empty(value: ast.expr) -> bool:
    held = [*getattr(value, "elts", []), *getattr(value, "keys", []), *getattr(value, "args", [])]
    return not held and not isinstance(value, ast.DictComp | ast.ListComp | ast.SetComp)


def is_final(node: ast.Assign | ast.AnnAssign) -> bool:
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("Final")


def containers(tree: ast.Module) -> dict[str, tuple[ast.expr, bool]]:
    """The containers that can change at the top of a module, by their names, and whether each says that it is final."""
    found: dict[str, tuple[ast.expr, bool]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: (node.value, is_final(node)) for target in targets if isinstance(target, ast.Name)}
    return found


def changed_in(node: ast.AST) -> ast.expr | None:
    """What an expression changes: `x.append(...)`, `x[...] = ...`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
        return node.func.value
    return node.value if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del) else None


def state_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    """Modules that remember something: a container at the top that a function changes, or that waits to be filled."""
    if room_of(module_of(path)) is None:
        return
    tops = containers(tree)
    for name, (value, final) in tops.items():
        if ((is_empty(value) and not final) or not name.isupper()) and not name.startswith("__"):
            yield f"line {value.lineno}: {name} is state of the module"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (node for function in functions for node in ast.walk(function)):
        changed = changed_in(node)
        if isinstance(changed, ast.Name) and changed.id in tops:
            yield f"line {changed.lineno}: {changed.id} is state of the module"


def place_faults(path: Path) -> Iterator[str]:
    """Modules in a place that has no name: loose at the top of a package, or in a folder without a row in the table."""
    top = path.parts[0]
    if len(path.parts) == 2 and path.stem not in LOOSE.get(top, (path.stem,)):
        yield f"lies loose in {top}/; it belongs into a folder"
    if top in LOOSE and room_of(module_of(path)) == top and path.name != "__init__.py":
        yield "its folder has no row in rooms.yaml"


def faults(root: Path, path: Path) -> list[str]:
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    every = (room_faults, foreign_faults, state_faults)
    return [*place_faults(path), *(fault for kind in every for fault in kind(tree, path))]


@pytest.mark.parametrize("path", sources(ROOT), ids=str)
def test_source_keeps_to_its_rooms(path: Path) -> None:
    assert faults(ROOT, path) == []


def test_a_room_names_earlier_rooms_only() -> None:
    known: set[str] = set()
    for room, row in ROOMS.items():
        for entry in row["rooms"]:
            opened = room_of(entry.removesuffix(".*")) or entry
            assert opened in known or entry.endswith(".*"), f"{room} names {entry}, which is no earlier room"
        known.add(room)


def test_every_row_is_needed() -> None:
    """A door that nobody goes through is closed."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in sources(ROOT):
        if own := room_of(module_of(path)):
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            used[own] |= {name for _, name in names_used(tree, path)}
    idle = [
        f"{room}: {entry}"
        for room, row in ROOMS.items()
        for entry in [*row["rooms"], *row["packages"]]
        if not any(opens(entry, name) for name in used[room])
    ]
    assert idle == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {module_of(path): path for path in sources(ROOT) if path.parts[0] not in FREE}
    imported = {
        module: {
            name if name in modules else name.rpartition(".")[0]
            for _, name in imports(ast.parse((ROOT / path).read_text(encoding="utf-8")), path)
        }
        & modules.keys() - {module}
        for module, path in modules.items()
    }
    while free := [module for module, others in imported.items() if not others & imported.keys()]:
        for module in free:
            del imported[module]
    assert list(imported) == []


BROKEN = [
    # The layers
    ("schemas/model.py", "import devserver.durable.bus", "schemas imports devserver.durable.bus"),
    ("schemas/model.py", "from devserver.nodes import host", "schemas imports devserver.nodes.host"),
    ("devserver/comfy/client.py", "from schemas import nodes", "devserver.comfy imports schemas.nodes"),
    ("devserver/llm/chat.py", "from devserver.comfy import client", "devserver.llm imports devserver.comfy.client"),
    ("devserver/comfy/client.py", "from devserver import host", "devserver.comfy imports devserver.host"),
    ("devserver/comfy/client.py", "from ..host import child", "devserver.comfy imports devserver.host.child"),
    ("devserver/comfy/client.py", "from .. import errors", "devserver.comfy imports devserver.errors"),
    ("devserver/host/stock/audio.py", "from ... import run", "devserver.host imports devserver.run"),
    ("devserver/nodes/music/mix.py", "from ...host import app", "devserver.nodes imports devserver.host.app"),
    ("devserver/run.py", "def f():\n    from my_app import front", "devserver.run imports my_app.front"),
    ("my_app/door/guard.py", "import server", "my_app.door imports server"),
    ("my_app/door/guard.py", "from cli.serve import serve", "my_app.door imports cli.serve"),
    ("cli/serve.py", "import server", "cli imports server"),
    ("my_app/routes/runs.py", "from config import Settings", "my_app.routes reads config itself"),
    ("devserver/run.py", "from tests.doubles import relay", "devserver.run imports tests.doubles.relay"),
    # The rooms of devserver/
    ("devserver/durable/journal.py", "from devserver.app import App", "devserver.durable imports devserver.app"),
    ("devserver/durable/journal.py", "from devserver.run import walk_run", "devserver.durable imports devserver.run"),
    ("devserver/queueing/tickets.py", "from devserver.runs import record", "devserver.queueing imports devserver.runs"),
    (
        "devserver/media/tags.py",
        "from devserver.queueing.queue import Queue",
        "devserver.media imports devserver.queueing",
    ),
    ("devserver/errors/__init__.py", "from devserver import stages", "devserver.errors imports devserver.stages"),
    ("devserver/model/plan.py", "from devserver.app import App", "devserver.model imports devserver.app"),
    (
        "devserver/durable/lease.py",
        "from devserver.backends import pool",
        "devserver.durable imports devserver.backends",
    ),
    ("devserver/media/tags.py", "from devserver.stages.graph import kind", "devserver.media imports devserver.stages"),
    (
        "devserver/backends/pool.py",
        "from devserver.queueing import turns",
        "devserver.backends imports devserver.queueing",
    ),
    (
        "devserver/backends/pool.py",
        "from devserver.durable import journal",
        "devserver.backends imports devserver.durable",
    ),
    (
        "devserver/files/exports.py",
        "from devserver.playback import pieces",
        "devserver.files imports devserver.playback",
    ),
    ("devserver/stages/walk.py", "from devserver.runs import record", "devserver.stages imports devserver.runs"),
    ("devserver/stages/walk.py", "from devserver.users import keys", "devserver.stages imports devserver.users"),
    ("devserver/watching/logs.py", "from devserver.stages import walk", "devserver.watching imports devserver.stages"),
    ("my_app/routes/runs.py", "from devserver.comfy import client", "my_app.routes imports devserver.comfy.client"),
    (
        "my_app/routes/runs.py",
        "from devserver.durable import postgres",
        "my_app.routes imports devserver.durable.postgres",
    ),
    ("my_app/door/guard.py", "from my_app.routes import runs", "my_app.door imports my_app.routes.runs"),
    ("my_app/views/route.py", "from my_app.door import auth", "my_app.views imports my_app.door.auth"),
    ("my_app/routes/runs.py", "from devserver.app import App", "my_app.routes imports devserver.app"),
    # Packages and guarded modules
    ("devserver/run.py", "import flask", "devserver.run uses flask"),
    ("devserver/stages/walk.py", "from aiohttp import web", "devserver.stages uses aiohttp.web"),
    ("devserver/comfy/client.py", "from aiohttp import web", "devserver.comfy uses aiohttp.web"),
    ("devserver/comfy/client.py", "import aiohttp\nx = aiohttp.web.Request", "devserver.comfy uses aiohttp.web"),
    ("schemas/model.py", "import flask", "schemas uses flask"),
    ("schemas/model.py", "import psycopg", "schemas uses psycopg"),
    ("schemas/model.py", "import importlib\nimportlib.import_module('devserver.run')", "schemas uses importlib"),
    ("devserver/media/tags.py", "from importlib import import_module as i\ni('x')\nimport flask", "media uses flask"),
    ("devserver/media/tags.py", "import importlib\nimportlib.import_module('psycopg')", "devserver.media uses psycopg"),
    ("devserver/run.py", "import os\nos.environ['A']", "devserver.run uses os.environ"),
    ("devserver/run.py", "from os import environ", "devserver.run uses os.environ"),
    ("devserver/runs/dispatch.py", "import sqlite3", "devserver.runs uses sqlite3"),
    ("devserver/users/keys.py", "import numpy", "devserver.users uses numpy"),
    ("my_app/door/guard.py", "import subprocess", "my_app.door uses subprocess"),
    ("my_app/routes/runs.py", "import flask", "my_app.routes uses flask"),
    # State, and places without a name
    ("devserver/run.py", "walks: dict[str, int] = {}", "walks is state of the module"),
    ("devserver/run.py", "WALKS = {}", "WALKS is state of the module"),
    ("devserver/run.py", "WALKS = {1: 2}\ndef f(x):\n    WALKS[x] = 1", "WALKS is state of the module"),
    ("devserver/run.py", "WALKS = [1]\nasync def f(x):\n    WALKS.append(x)", "WALKS is state of the module"),
    ("devserver/helpers.py", "x = 1", "lies loose in devserver/"),
    ("my_app/guard.py", "x = 1", "lies loose in my_app/"),
    ("devserver/service/jobs.py", "x = 1", "its folder has no row"),
]

LAWFUL = [
    ("server.py", "import config\nfrom cli import serve\nfrom devserver import errors\nfrom schemas import loader"),
    ("cli/serve.py", "import config\nfrom my_app import front\nfrom devserver import run\nfrom schemas import loader"),
    ("my_app/front.py", "from devserver.app import App\nfrom my_app.door import guard\nfrom .routes import media"),
    (
        "devserver/stages/graph/takes.py",
        "from devserver.comfy.client import Client\nfrom schemas import compiler, nodes",
    ),
    (
        "devserver/stages/graph/takes.py",
        "from devserver.durable.journal import Place\nfrom devserver.stages.walk import Walk",
    ),
    ("devserver/host/app.py", "from devserver.nodes import TABLE\nfrom aiohttp import web\nimport numpy as np"),
    ("devserver/nodes/music/mix.py", "import numpy\nfrom ..host import host\nfrom . import synth\nimport json"),
    ("devserver/nodes/comfyui.py", "import torch\nimport comfy.utils\nimport folder_paths"),
    ("devserver/run.py", "SIZES = {1: 2}\ndef f(x):\n    local = {}\n    local[x] = SIZES[x]"),
    ("tests/test_x.py", "import config\nimport os\nos.environ\nfrom tests.doubles import relay\nfound = []"),
]


@pytest.mark.parametrize(("path", "source", "message"), BROKEN)
def test_a_breach_is_found(tmp_path: Path, path: str, source: str, message: str) -> None:
    file = written(tmp_path, path, source)
    assert any(message in fault for fault in faults(tmp_path, file)), faults(tmp_path, file)


@pytest.mark.parametrize(("path", "source"), LAWFUL)
def test_lawful_source_has_no_fault(tmp_path: Path, path: str, source: str) -> None:
    assert faults(tmp_path, written(tmp_path, path, source)) == []
