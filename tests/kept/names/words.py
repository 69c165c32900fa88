"""The words that programs read, collected from the source: codes of errors and warnings, kinds of events."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.kept.masking import ROOT
from tests.kept.scenario import Scenario

PRODUCT: Final = ("server.py", "config.py", "cli", "my_app", "devserver", "schemas")
TABLES: Final = ("CODES", "LOST")  # of which a code is looked up
EVENT: Final = re.compile(r"(run|stage|attempt|text)\.[a-z]+")


def sources() -> list[ast.Module]:
    files = (
        file for name in PRODUCT for file in ((ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / name])
    )
    return [ast.parse(file.read_text()) for file in sorted(files)]


class Reader:
    """Reads literal texts out of the product's source, through constants and both branches of a condition."""

    def __init__(self) -> None:
        self._nodes = [node for module in sources() for node in ast.walk(module)]
        assigned = (pair for node in self._nodes for pair in _assigned(node))
        self._constants = {name: value for name, value in assigned if name.isupper()}
        self._places = {name: place for node in self._nodes for name, place in _takers(node)}

    def codes(self) -> Iterator[str]:
        """Whatever is bound to the name `code`: assigned, passed, the usual value, an entry of an object."""
        for node in self._nodes:
            for name, value in (*_assigned(node), *_passed(node), *_usual(node), *_entries(node)):
                if name == "code":
                    yield from self._texts(value)
            if isinstance(node, ast.Call) and _called(node) in self._places:
                yield from (
                    text for value in node.args[self._places[_called(node)] :][:1] for text in self._texts(value)
                )
            match node:  # a warning without a code of its own has that of its sentence
                case ast.Call(
                    func=ast.Attribute(attr="warn" | "warn_later"), args=[_, ast.Call(args=[sentence, *_])]
                ) if not any(name == "code" for name, _ in _passed(node)):
                    yield from self._texts(sentence)
        for table in (self._constants[name] for name in TABLES):
            yield from (
                text for value in ast.walk(table) if isinstance(value, ast.Constant) for text in self._texts(value)
            )

    def events(self) -> Iterator[str]:
        for node in self._nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and EVENT.fullmatch(node.value):
                yield node.value
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "ClassVar[str]" and node.value:
                yield from (text for text in self._texts(node.value) if ast.unparse(node.target) == "KIND")

    def _texts(self, node: ast.expr) -> Iterator[str]:
        """The texts that an expression may be, a part that is not known as `*`; none where all of it is unknown."""
        match node:
            case ast.Constant(value=str(text)) if text:
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
            case ast.IfExp(body=first, orelse=second):
                yield from (*self._texts(first), *self._texts(second))
            case ast.BoolOp(values=values):
                yield from (text for value in values for text in self._texts(value))
            case ast.Name(id=name) if name in self._constants:
                yield from self._texts(self._constants[name])


Bound = Iterator[tuple[str, ast.expr]]


def _assigned(node: ast.AST) -> Bound:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from (
                (name.id, value) for name, value in zip(names, values, strict=True) if isinstance(name, ast.Name)
            )


def _passed(node: ast.AST) -> Bound:
    if isinstance(node, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)


def _usual(node: ast.AST) -> Bound:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        yield from ((argument.arg, value) for argument, value in pairs if value)


def _entries(node: ast.AST) -> Bound:
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _takers(node: ast.AST) -> Iterator[tuple[str, int]]:
    """What takes a code by its place among the arguments, and at which."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not name.startswith("__"):
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
        case ast.ClassDef(name=name, body=body):
            names = [
                part.target.id for part in body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            for part in body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    names = [argument.arg for argument in part.args.args[1:]]
        case _:
            return
    if "code" in names:
        yield name, names.index("code")


def _record(_: Path) -> Mapping[str, Any]:
    reader = Reader()
    return {"codes": sorted(set(reader.codes())), "events": sorted(set(reader.events()))}


SCENARIOS: Final = (Scenario("names/words", _record),)
