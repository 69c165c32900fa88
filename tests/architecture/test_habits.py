"""The limits on size, what nodes may use, the rules on errors: kept by reading the source, each broken once below."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import COMFYUI_WRAPPER, ROOT, imports, module_of, room_of, sources, written

MAX_FILE_LINES, FUNCTION_LINES = 400, 60
# Where everything is caught, and how often: a new place is a decision, made here. Each says why on its line.
CATCH_ALLS = {
    "devserver/definitions/work.py": 1,
    "devserver/durable/database.py": 1,
    "devserver/durable/journal.py": 1,
    "devserver/durable/lanes.py": 2,
    "devserver/durable/ledger.py": 2,
    "devserver/host/executor.py": 2,
    "devserver/host/graph.py": 1,
    "devserver/host/validate.py": 2,
    "devserver/installed/nodes.py": 1,
    "devserver/installed/points.py": 1,
    "devserver/media/examiner.py": 1,
    "devserver/nodes/visualise.py": 1,
    "devserver/playback/recording.py": 1,
    "devserver/processes/finish.py": 1,
    "devserver/processes/workers.py": 2,
    "devserver/runs/ending.py": 1,
    "devserver/runs/rebuild.py": 1,
    "devserver/stages/graph/attempt.py": 2,
    "devserver/stages/graph/worked.py": 2,
    "devserver/stages/kinds.py": 1,
    "my_app/answers/errors.py": 1,
}

# What a node may use, because a ComfyUI has it or requirements.txt in the folder names it; and what is slow to import.
NODE_PACKAGES = {"numpy", "scipy", "av", "PIL", "pydantic", "yaml", "mido"}
HEAVY = {"scipy", "av", "PIL", "mido", "torch", "matplotlib"}


def at_import_time(tree: ast.Module) -> set[ast.stmt]:
    """The statements that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    found: set[ast.stmt] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        for child in ast.iter_child_nodes(todo.pop()):
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if typing_only or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.stmt):
                found.add(child)
            todo.append(child)
    return found


def package_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    """Heavy packages are imported inside functions; nodes import only themselves and what a ComfyUI has."""
    own = room_of(module_of(path))
    if own is None or path == COMFYUI_WRAPPER:
        return
    early = at_import_time(tree)
    for node, name in imports(tree, path):
        top = name.split(".")[0]
        if top in HEAVY and node in early:
            yield f"line {node.lineno}: {top} is imported at import time; import it inside the function"
        if own != "devserver.nodes":
            continue
        relative = isinstance(node, ast.ImportFrom) and node.level > 0
        if not relative and top not in NODE_PACKAGES | sys.stdlib_module_names:
            yield f"line {node.lineno}: a node imports {name}; a ComfyUI may not have it"


def size_faults(tree: ast.Module, text: str) -> Iterator[str]:
    if (lines := len(text.splitlines())) > MAX_FILE_LINES:
        yield f"{lines} lines; {MAX_FILE_LINES} are allowed"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length >= FUNCTION_LINES:
                yield f"line {node.lineno}: {node.name} has {length} lines; fewer than {FUNCTION_LINES} are allowed"


def reason_on(line: str) -> bool:
    """Whether the line's comment says more than which checks it switches off."""
    _, _, comment = line.partition("#")
    words = re.sub(r"#?\s*(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore\S*|pragma:.*)", "", comment)
    return len(re.findall(r"\w{2,}", words)) >= 2


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in kinds)


def catch_all_faults(tree: ast.Module, text: str, path: Path) -> Iterator[str]:
    """Places that catch everything without a reason, or beyond those that the table allows a product module."""
    lines = text.splitlines()
    handlers = [n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and catches_everything(n)]
    for handler in handlers:
        if not reason_on(lines[handler.lineno - 1]):
            yield f"line {handler.lineno}: catches everything and does not say why"
    if room_of(module_of(path)) is not None and len(handlers) > CATCH_ALLS.get(path.as_posix(), 0):
        yield f"line {handlers[-1].lineno}: catches everything in a place that the table does not allow"


def habit_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    product = room_of(module_of(path)) is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"
    for node, name in imports(tree, path):
        if product and name == "time.sleep":
            yield f"line {node.lineno}: time.sleep; wait for the event"
    sleeps = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n) == "time.sleep")
    yield from (f"line {node.lineno}: time.sleep; wait for the event" for node in sleeps if product)


def faults(root: Path, path: Path) -> list[str]:
    text = (root / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    return [
        *package_faults(tree, path),
        *size_faults(tree, text),
        *catch_all_faults(tree, text, path),
        *habit_faults(tree, path),
    ]


@pytest.mark.parametrize("path", sources(ROOT), ids=str)
def test_source_keeps_the_rules(path: Path) -> None:
    assert faults(ROOT, path) == []


def test_the_files_of_the_page_keep_the_limit() -> None:
    files = [file for file in (ROOT / "public").rglob("*") if file.suffix in {".html", ".js", ".css"}]
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert [name for name, count in lines.items() if count > MAX_FILE_LINES] == []


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 59

BROKEN = [
    (
        "devserver/errors/disk.py",
        "try:\n    x = 1\nexcept Exception:  # because it may fail somehow\n    raise",
        "in a place that the table does not allow",
    ),
    ("devserver/nodes/tone.py", "import aiohttp", "a node imports aiohttp"),
    ("devserver/nodes/tone.py", "from devserver.nodes.host import host", "a node imports devserver.nodes.host.host"),
    ("devserver/nodes/tone.py", "import scipy.signal", "scipy is imported at import time"),
    (
        "devserver/files/exports.py",
        "try:\n    import av\nexcept ImportError:\n    raise",
        "av is imported at import time",
    ),
    ("server.py", "class A:\n    from PIL import Image", "PIL is imported at import time"),
    ("tests/test_x.py", "x = 1\n" * 401, "401 lines"),
    ("benchmarks/run.py", LONG_FUNCTION, "f has 60 lines"),
    ("my_app/front.py", "async " + LONG_FUNCTION, "f has 60 lines"),
    ("devserver/run.py", "try:\n    x = 1\nexcept:\n    raise", "catches everything"),
    ("devserver/run.py", "try:\n    x = 1\nexcept Exception:  # noqa: BLE001\n    raise", "catches everything"),
    ("tests/test_x.py", "try:\n    x = 1\nexcept (OSError, BaseException) as e:\n    raise", "catches everything"),
    ("devserver/run.py", "def f():\n    global x\n    x = 1", "global x"),
    ("devserver/run.py", "import time\ntime.sleep(1)", "time.sleep"),
    ("devserver/nodes/tone.py", "from time import sleep", "time.sleep"),
]

LAWFUL = [
    ("server.py", "import config\nfrom cli import serve\nfrom devserver import errors\nfrom schemas import loader"),
    ("cli/serve.py", "import config\nfrom my_app import front\nfrom devserver import run\nfrom schemas import loader"),
    ("my_app/front.py", "from devserver.durable.bus import Event\nimport schemas.model\nfrom . import routes"),
    (
        "devserver/stages/graph/takes.py",
        "from devserver.comfy.client import Client\nfrom schemas import compiler, nodes",
    ),
    (
        "devserver/stages/graph/takes.py",
        "from devserver.durable.journal import Place\nfrom devserver.stages.walk import Walk",
    ),
    ("devserver/host/app.py", "from devserver.nodes import TABLE\nimport numpy as np"),
    ("devserver/nodes/music/mix.py", "import numpy\nfrom ..host import host\nfrom . import synth\nimport json"),
    ("devserver/nodes/tone.py", "def f():\n    import scipy.signal\n    import av"),
    ("devserver/nodes/tone.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import av"),
    ("devserver/nodes/comfyui.py", "import torch\nimport comfy.utils\nimport folder_paths"),
    ("devserver/runs/ending.py", "try:\n    x = 1\nexcept Exception:  # noqa: BLE001 nodes raise anything\n    raise"),
    ("tests/test_x.py", "import config\nimport time\nimport scipy\ntime.sleep(0)\nfrom tests.doubles import relay"),
    ("my_app/front.py", LONG_FUNCTION.replace("    x = 1\n", "", 1)),
]


@pytest.mark.parametrize(("path", "source", "message"), BROKEN)
def test_a_broken_rule_is_found(tmp_path: Path, path: str, source: str, message: str) -> None:
    file = written(tmp_path / "project", path, source)
    assert sources(tmp_path / "project") == [file]
    assert [fault for fault in faults(tmp_path / "project", file) if message in fault]


@pytest.mark.parametrize(("path", "source"), LAWFUL)
def test_lawful_source_has_no_fault(tmp_path: Path, path: str, source: str) -> None:
    file = written(tmp_path / "project", path, source)
    assert faults(tmp_path / "project", file) == []
