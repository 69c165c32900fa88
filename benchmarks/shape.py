"""`python -m benchmarks.shape`: the figures that the code's shape is judged by, as tables in Markdown.

They are compared between two states of the project, not with a goal: `python -m benchmarks.shape > before.md`.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import shape_source as source

ROOT = Path(__file__).parents[1]
SHOWN = 12  # names of a list that are written out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shape", description=__doc__)
    parser.add_argument("--no-run", action="store_true", help="read the source only; start no server")
    parser.add_argument("--all", action="store_true", help="write out every name")
    options = parser.parse_args()
    modules = source.read_modules(ROOT)
    tests = sorted((ROOT / "tests").rglob("*.py"))
    print("\n".join(report(modules, tests, None if options.all else SHOWN)))
    if not options.no_run:
        print("\n".join(table("One warm execute, server process only", walk().items())))


def report(modules: list[source.Module], tests: list[Path], shown: int | None) -> Iterator[str]:
    """Yield the tables of the source's figures, line by line."""
    outside = [module for module in modules if not module.is_node]
    by_folder = source.lines_by_folder(modules)
    rows = [(folder, f"{files} files, {lines} lines") for folder, (files, lines) in sorted(by_folder.items())]
    yield from table("Lines by folder", rows)
    yield from table("Size", size(modules, outside, tests))
    yield from table("Types", types(modules, outside))
    yield from table("Names", names(modules, tests, shown))
    yield from table("Words on lines outside nodes", source.word_counts(outside).items())
    yield from table(
        "Sentences", [("docstrings and comments that begin as a question", source.asking_sentences(outside))]
    )


def size(modules: list[source.Module], outside: list[source.Module], tests: list[Path]) -> Iterator[tuple[str, object]]:
    lines = sum(module.lines for module in modules)
    own = sum(module.lines for module in outside)
    test_lines = sum(len(path.read_text("utf8").splitlines()) for path in tests)
    functions = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    yield "product", f"{len(modules)} files, {lines} lines"
    yield "outside nodes", f"{len(outside)} files, {own} lines"
    yield "file", f"median {statistics.median(m.lines for m in modules):.0f}, most {max(m.lines for m in modules)}"
    yield "function", f"median {statistics.median(functions):.0f}, most {max(functions)}"
    yield "tests : code", f"{test_lines / lines:.2f}"


def types(modules: list[source.Module], outside: list[source.Module]) -> Iterator[tuple[str, object]]:
    loose = source.loose_names(modules)
    for what, counted in (("annotations with Any", modules), ("outside nodes", outside)):
        hits, every = source.share_of_any(counted, loose)
        yield what, f"{hits} of {every}, {hits / every:.1%}"
    yield "counted as Any", ", ".join(sorted({name for names in loose.values() for name in names}))


def names(modules: list[source.Module], tests: list[Path], shown: int | None) -> Iterator[tuple[str, object]]:
    loose = source.loose_modules(modules)
    yield "loose modules in devserver/", listed(loose, shown)
    for what, same in (
        ("module names twice", source.same_modules(modules)),
        ("class names twice", source.same_classes(modules)),
    ):
        yield what, listed([f"{name} ({count})" for name, count in same.items()], shown)
    yield "modules outside nodes without a test of their name", listed(source.untested(modules, tests), shown)


def listed(found: list[str], shown: int | None) -> str:
    rest = ", ..." if shown is not None and len(found) > shown else ""
    return f"{len(found)}: {', '.join(found[:shown])}{rest}" if found else "0"


def walk() -> dict[str, int]:
    """Trace one run in a server process of its own.

    Raises:
        subprocess.CalledProcessError: the server or the run failed; why stands on stderr.
    """
    with tempfile.TemporaryDirectory(prefix="tonewright-shape-") as folder:
        command = [sys.executable, "-m", "benchmarks.shape_walk", folder]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout)
    return {str(name): int(value) for name, value in figures.items()}


def table(title: str, rows: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield a table of two columns in Markdown."""
    yield from (f"## {title}", "", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in rows)
    yield ""


if __name__ == "__main__":
    main()
