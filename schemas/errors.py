"""The errors of definitions and values; each message names the place and the allowed values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TypeAlias

Allowed: TypeAlias = str | list[str]  # the allowed values, in words or as a list
MOST_COMPARED = 2_000  # names that an unknown one is compared with, and characters of it
LONGEST_COMPARED = 200


def nearest(name: object, known: Iterable[object], limit: int = 5) -> list[str]:
    """Return the known names, those most like `name` first, at most `limit` of them."""
    names = [str(entry) for entry in known]
    if not names:
        return []
    folded: dict[str, str] = {}
    for entry in names[:MOST_COMPARED]:
        folded.setdefault(entry.casefold()[:LONGEST_COMPARED], entry)
    wanted = str(name).casefold()[:LONGEST_COMPARED]
    close = [folded[match] for match in get_close_matches(wanted, folded, n=limit, cutoff=0.5)]
    return list(islice((*close, *(entry for entry in names if entry not in close)), limit))


def hint(name: object, known: Iterable[object]) -> str:
    """Return the end of a sentence about an unknown name: what there is instead, nearest first."""
    names = list(known)
    shown = nearest(name, names)
    if not shown:
        return "available: none"
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"available: {', '.join(shown)}{more}"


@dataclass(frozen=True, order=True)
class DefinitionProblem:
    """One mistake in one definition file; `line` counts from 1."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.field}: {self.message}" if self.field else f"{place}{self.message}"


class DefinitionError(Exception):
    """The definitions cannot be used; `problems` holds every fault, not only the first."""

    def __init__(self, problems: Iterable[DefinitionProblem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ParameterError(ValueError):
    """A parameter has a name or a value that its chunk does not allow."""

    def __init__(self, field: str, value: object, allowed: Allowed, message: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        self.message = message
        super().__init__(message)


class UnknownName(LookupError):
    """No definition of that kind has that name; `known` lists those that exist, nearest first.

    `why` is the fault of the definition with that name, if it exists and cannot be used.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str], why: str = "") -> None:
        names = list(known)
        self.kind = kind
        self.name = name
        self.known = nearest(name, names, limit=len(names))
        self.message = f"there is no {kind} named {name!r}; {hint(name, names)}"
        if why:
            self.message = f"the {kind} {name} cannot be used: {why}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message
