"""Figures of the source, read from its syntax trees: size, types, names, and the words that it is written in."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOPS: Final = ("server.py", "config.py", "cli", "my_app", "devserver", "schemas")
NODES: Final = "devserver/nodes"
# Entry points and package markers share their names by Python's own convention.
CONVENTIONAL: Final = frozenset({"__init__", "__main__"})
# Words that stand for many things here, or that no engineer would use; the list is the review's, and it may grow.
DIALECT: Final = (
    *("told", "found", "given", "applied", "worded", "whoever", "thereof", "doubt", "feel"),
    *("leaving_the_gone", "answers_again", "next_please", "let_see", "seen_by", "said_of_disk", "told_of_disk"),
    *("why_again", "stop_earlier", "take_in", "Watchman", "UNTEMPERED", "unheard", "obeyed", "made_by_us"),
)
ASKING: Final = re.compile(r"^(What|Who|Whose|Whom|Where|How|Whether)\b")


@dataclass(frozen=True)
class Module:
    """One module: its path below the project, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        return self.path.parent.as_posix() if self.path.parent != Path() else self.path.name

    @property
    def is_node(self) -> bool:
        return self.path.as_posix().startswith(f"{NODES}/")

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


def read_modules(root: Path, tops: Iterable[str] = TOPS) -> list[Module]:
    """Return the modules below `root`, in the order of their paths.

    Args:
        tops: the files and folders that belong to the product.
    """
    files: list[Path] = []
    for top in tops:
        files += [root / top] if top.endswith(".py") else (root / top).rglob("*.py")
    texts = {file: file.read_text("utf8") for file in sorted(files) if file.is_file()}
    return [Module(file.relative_to(root), text, ast.parse(text)) for file, text in texts.items()]


def lines_by_folder(modules: Iterable[Module]) -> dict[str, tuple[int, int]]:
    """Return (files, lines) for every folder."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for module in modules:
        files, lines = found[module.folder]
        found[module.folder] = files + 1, lines + module.lines
    return dict(found)


# Types


def annotation_nodes(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield every annotation: of arguments, of results, of variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns
        annotation = getattr(node, "annotation", None) if isinstance(node, ast.arg | ast.AnnAssign) else None
        if isinstance(annotation, ast.expr):
            yield annotation


def names_in(node: ast.AST) -> set[str]:
    """Return the names of an expression; a text in it is read as the annotation that it stands for."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
            found.add(part.value)
    return found


def imported_names(module: Module) -> dict[str, str]:
    """Return for each name that a module imports from another one where it comes from, as `package.module:name`."""
    found: dict[str, str] = {}
    package = module.path.parent.parts
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*start, *filter(None, [node.module])])
            found |= {alias.asname or alias.name: f"{origin}:{alias.name}" for alias in node.names}
    return found


def type_aliases(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield the aliases of types at module level, each with the names that it is made of."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name):
                yield node.targets[0].id, names_in(node.value)
        elif isinstance(node, ast.AnnAssign) and node.value and "TypeAlias" in names_in(node.annotation):
            yield ast.unparse(node.target), names_in(node.value)


def loose_names(modules: Iterable[Module]) -> dict[Path, set[str]]:
    """Return for each module the names that stand for `Any`: itself, `JsonValue`, and aliases with one in them."""
    loose = {"typing:Any", "pydantic:JsonValue"}
    origins: dict[Path, dict[str, str]] = {}
    made_of: dict[str, set[str]] = {}
    for module in modules:
        dotted = ".".join(module.path.with_suffix("").parts)
        own = origins[module.path] = imported_names(module)
        aliases = dict(type_aliases(module.tree))
        own |= {name: f"{dotted}:{name}" for name in aliases}
        made_of |= {own[name]: {own.get(part, part) for part in parts} for name, parts in aliases.items()}
    while more := {name for name, parts in made_of.items() if parts & loose} - loose:
        loose |= more
    return {path: {name for name, origin in own.items() if origin in loose} for path, own in origins.items()}


def share_of_any(modules: Iterable[Module], loose: dict[Path, set[str]]) -> tuple[int, int]:
    """Return how many annotations have a loose name in them, and how many annotations there are."""
    every = [names_in(a) & loose[module.path] for module in modules for a in annotation_nodes(module.tree)]
    return sum(map(bool, every)), len(every)


# Names


def loose_modules(modules: Iterable[Module]) -> list[str]:
    """Return the modules that lie in devserver/ itself and in none of its folders."""
    return [m.path.stem for m in modules if m.folder == "devserver" and m.path.stem not in CONVENTIONAL]


def same_modules(modules: Iterable[Module]) -> dict[str, int]:
    """Return the module names that occur more than once, with how often."""
    counted = Counter(m.path.stem for m in modules if m.path.stem not in CONVENTIONAL)
    return {name: count for name, count in counted.most_common() if count > 1}


def same_classes(modules: Iterable[Module]) -> dict[str, int]:
    """Return the names of public classes that occur in more than one place, with how often."""
    nodes = (node for module in modules for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))
    counted = Counter(node.name for node in nodes if not node.name.startswith("_"))
    return {name: count for name, count in counted.most_common() if count > 1}


def untested(modules: Iterable[Module], tests: Iterable[Path]) -> list[str]:
    """Return the modules without a file `test_<name>.py`; nodes are tested as a pack and are left out."""
    names = {path.stem.removeprefix("test_") for path in tests}
    tried = (m for m in modules if not m.is_node and m.path.stem not in CONVENTIONAL)
    return [m.path.as_posix() for m in tried if m.path.stem not in names]


# Words


def word_counts(modules: Iterable[Module]) -> dict[str, int]:
    """Return on how many lines each word of the dialect stands, as a word or as a part of a name."""
    counted: Counter[str] = Counter()
    for module in modules:
        for line in module.text.splitlines():
            counted.update({word for word in DIALECT if re.search(rf"(?<![A-Za-z]){word}(?![a-z])", line)})
    return dict(counted.most_common())


def asking_sentences(modules: Iterable[Module]) -> int:
    """Count the docstrings and comments that begin with a word that asks: what, who, whose, where, how, whether."""
    count = 0
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                count += bool(ASKING.match(ast.get_docstring(node) or ""))
        tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
        count += sum(bool(ASKING.match(t.string.lstrip("# "))) for t in tokens if t.type == tokenize.COMMENT)
    return count
