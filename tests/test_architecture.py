"""The layering, the limits on size and the rules on errors, kept by reading the source; each is broken once below."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES, FUNCTION_LINES = 400, 60

JSON = {"schemas.graph", "schemas.json_values"}  # the types of what programs send each other
BELOW_DEVSERVER = {
    "schemas",
    *JSON,
    *(f"devserver.{folder}" for folder in ("nodes", "http", "processes", "installed", "comfy", "agents", "llm")),
}
# A part, and the parts that it may import besides itself. A module belongs to the longest name that fits it.
MAY_IMPORT = {
    "schemas": JSON,
    "schemas.graph": JSON,
    "schemas.json_values": set(),
    "devserver.nodes": set(),
    "devserver.processes": set(),
    "devserver.http": JSON,
    "devserver.comfy": {"devserver.http", *JSON},
    "devserver.installed": {"schemas", *JSON},
    "devserver.agents": {"devserver.nodes", "devserver.processes", "devserver.installed", *JSON},
    "devserver.llm": {"devserver.http", *JSON},
    "devserver": BELOW_DEVSERVER,
    "my_app": {
        "schemas",
        *JSON,
        "devserver",
        *(f"devserver.{name}" for name in ("nodes", "processes", "comfy", "agents")),
    },
    "config": set(),
    "cli": BELOW_DEVSERVER | {"devserver", "my_app", "config"},
    "server": {"schemas", "devserver", "devserver.processes", "devserver.agents", "my_app", "config", "cli"},
}
# A folder of devserver/, and the folders beside it that it may import. The modules above them are everybody's.
INSIDE = {
    "runs": set[str](),
    "durable": {"runs"},
    "users": set(),
    "queueing": {"runs", "durable"},
    "backends": {"runs", "durable", "queueing"},
    "media": {"runs", "durable"},
    "importing": {"media"},
    "watching": {"runs", "durable", "queueing", "backends"},
    "stages": {"runs", "durable", "queueing", "backends", "media", "watching"},
}
FREE = {"tests", "benchmarks"}  # they may import everything; the limits on size hold for them too

# What a node may use, because a ComfyUI has it or requirements.txt in the folder names it; and what is slow to import.
NODE_PACKAGES = {"numpy", "scipy", "av", "PIL", "pydantic", "yaml", "mido"}
HEAVY = {"scipy", "av", "PIL", "mido", "torch", "matplotlib"}
COMFYUI_WRAPPER = Path("devserver/nodes/comfyui.py")  # runs only inside a real ComfyUI: torch and its modules are there


def part_of(module: str) -> str | None:
    fitting = [part for part in MAY_IMPORT if module == part or module.startswith(f"{part}.")]
    return max(fitting, key=len, default=None)


def folder_of(module: str) -> str | None:
    """The folder of devserver/ that a module is in, where it is in one of those that have an order."""
    top, _, rest = module.partition(".")
    folder, _, _ = rest.partition(".")
    return folder if top == "devserver" and folder in INSIDE else None


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> str:
    return ".".join(path.parent.parts)


def imports(tree: ast.AST, path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported name as an absolute dotted name; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package_of(path).split(".")[: 1 - node.level or None] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            yield from ((node, f"{start}.{alias.name}") for alias in node.names)


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


def layer_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    own = part_of(module_of(path))
    if own is None:
        return
    for node, name in imports(tree, path):
        other = part_of(name)
        if name.split(".")[0] in FREE:
            yield f"line {node.lineno}: {own} imports {name}"
        if other is None or other == own or other in MAY_IMPORT[own]:
            continue
        reason = "reads config itself; it is handed values" if other == "config" else f"imports {name}"
        yield f"line {node.lineno}: {own} {reason}"


def folder_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    own = folder_of(module_of(path))
    if own is None:
        return
    for node, name in imports(tree, path):
        other = folder_of(name)
        if other is not None and other != own and other not in INSIDE[own]:
            yield f"line {node.lineno}: {own} imports {name}"


def package_faults(tree: ast.Module, path: Path) -> Iterator[str]:
    """Heavy packages are imported inside functions; nodes import only themselves and what a ComfyUI has."""
    own = part_of(module_of(path))
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


def habit_faults(tree: ast.Module, text: str, path: Path) -> Iterator[str]:
    lines = text.splitlines()
    product = part_of(module_of(path)) is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not reason_on(lines[node.lineno - 1]):
            yield f"line {node.lineno}: catches everything and does not say why"
    for node, name in imports(tree, path):
        if product and name == "time.sleep":
            yield f"line {node.lineno}: time.sleep; wait for the event"
    sleeps = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n) == "time.sleep")
    yield from (f"line {node.lineno}: time.sleep; wait for the event" for node in sleeps if product)


def faults(root: Path, path: Path) -> list[str]:
    text = (root / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    return [
        *layer_faults(tree, path),
        *folder_faults(tree, path),
        *package_faults(tree, path),
        *size_faults(tree, text),
        *habit_faults(tree, text, path),
    ]


def sources(root: Path) -> list[Path]:
    tops = {part.split(".")[0] for part in MAY_IMPORT} | FREE
    found = [file for top in tops for file in [root / f"{top}.py", *(root / top).rglob("*.py")] if file.is_file()]
    return sorted(file.relative_to(root) for file in found)


@pytest.mark.parametrize("path", sources(ROOT), ids=str)
def test_source_keeps_the_rules(path: Path) -> None:
    assert faults(ROOT, path) == []


def test_the_files_of_the_page_keep_the_limit() -> None:
    files = [file for file in (ROOT / "public").rglob("*") if file.suffix in {".html", ".js", ".css"}]
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert [name for name, count in lines.items() if count > MAX_FILE_LINES] == []


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 59

BROKEN = [
    ("schemas/model.py", "import devserver.events", "schemas imports devserver.events"),
    ("schemas/model.py", "from devserver.nodes import host", "schemas imports devserver.nodes.host"),
    ("devserver/comfy/client.py", "from schemas import nodes", "devserver.comfy imports schemas.nodes"),
    ("devserver/llm/chat.py", "from devserver.comfy import client", "devserver.llm imports devserver.comfy.client"),
    ("devserver/comfy/client.py", "from devserver import agents", "devserver.comfy imports devserver.agents"),
    ("devserver/comfy/client.py", "from ..agents import child", "devserver.comfy imports devserver.agents.child"),
    ("devserver/comfy/client.py", "from .. import errors", "devserver.comfy imports devserver.errors"),
    ("devserver/agents/stock/audio.py", "from ... import run", "devserver.agents imports devserver.run"),
    ("devserver/nodes/music/mix.py", "from ...agents import app", "devserver.nodes imports devserver.agents.app"),
    ("devserver/run.py", "def f():\n    from my_app import front", "devserver imports my_app.front"),
    ("my_app/front.py", "import server", "my_app imports server"),
    ("my_app/front.py", "from cli.serve import serve", "my_app imports cli.serve"),
    ("cli/serve.py", "import server", "cli imports server"),
    ("my_app/routes/runs.py", "from config import Settings", "my_app reads config itself"),
    ("devserver/run.py", "from tests.doubles import relay", "devserver imports tests.doubles.relay"),
    ("devserver/durable/lease.py", "from devserver.backends import pool", "durable imports devserver.backends.pool"),
    ("devserver/media/tags.py", "from devserver.stages.graph import run", "media imports devserver.stages.graph.run"),
    ("devserver/nodes/tone.py", "import aiohttp", "a node imports aiohttp"),
    ("devserver/nodes/tone.py", "from devserver.nodes.host import host", "a node imports devserver.nodes.host.host"),
    ("devserver/nodes/tone.py", "import scipy.signal", "scipy is imported at import time"),
    ("devserver/store.py", "try:\n    import av\nexcept ImportError:\n    raise", "av is imported at import time"),
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
    ("my_app/front.py", "from devserver.events import Event\nimport schemas.model\nfrom . import routes"),
    (
        "devserver/stages/graph/takes.py",
        "from devserver.comfy.client import Client\nfrom schemas import compiler, nodes",
    ),
    ("devserver/stages/graph/takes.py", "from devserver.durable.journal import Place\nfrom devserver.walk import Walk"),
    ("devserver/agents/app.py", "from devserver.nodes import TABLE\nimport numpy as np"),
    ("devserver/nodes/music/mix.py", "import numpy\nfrom ..host import host\nfrom . import synth\nimport json"),
    ("devserver/nodes/tone.py", "def f():\n    import scipy.signal\n    import av"),
    ("devserver/nodes/tone.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import av"),
    ("devserver/nodes/comfyui.py", "import torch\nimport comfy.utils\nimport folder_paths"),
    ("devserver/run.py", "try:\n    x = 1\nexcept Exception:  # noqa: BLE001 a node may raise anything\n    raise"),
    ("tests/test_x.py", "import config\nimport time\nimport scipy\ntime.sleep(0)\nfrom tests.doubles import relay"),
    ("my_app/front.py", LONG_FUNCTION.replace("    x = 1\n", "", 1)),
]


def written(root: Path, path: str, source: str) -> Path:
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(source, encoding="utf-8")
    return Path(path)


@pytest.mark.parametrize(("path", "source", "message"), BROKEN)
def test_a_broken_rule_is_found(tmp_path: Path, path: str, source: str, message: str) -> None:
    file = written(tmp_path / "project", path, source)
    assert sources(tmp_path / "project") == [file]
    assert [fault for fault in faults(tmp_path / "project", file) if message in fault]


@pytest.mark.parametrize(("path", "source"), LAWFUL)
def test_lawful_source_has_no_fault(tmp_path: Path, path: str, source: str) -> None:
    file = written(tmp_path / "project", path, source)
    assert faults(tmp_path / "project", file) == []
