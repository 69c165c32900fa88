"""The process that makes definitions from one foreign graph: `python -m devserver.definitions.work SECONDS BYTES`.

It reads one job as a line of JSON, answers with one, and exits; it also exits when its parent does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NotRequired, TypedDict

from devserver.definitions.definition_files import read_graph
from devserver.processes.limits import limit_process
from devserver.processes.signals import end_with_stdin, ignore_stops
from schemas.importing.admit import import_graph
from schemas.importing.documents import ImportedDefinition
from schemas.importing.form import ImportRefused
from schemas.json_values import JsonObject
from schemas.loader import load_tables
from schemas.node_table import TrimmedClass
from schemas.nodes import NodeTable


class ImportJob(TypedDict):
    """A graph, or a file that holds one under its own name; `live` are the classes of a backend."""

    name: str
    origin: str
    folders: list[str]
    graph: JsonObject | None
    path: str | None
    filename: str | None
    live: dict[str, TrimmedClass] | None


class Excess(TypedDict):
    """An exceeded limit, by its unit, with the value."""

    unit: str
    most: int
    value: int


class Refusal(TypedDict):
    """A refused graph, with the fields of `ImportRefused`."""

    message: str
    problems: NotRequired[list[str]]
    absent: NotRequired[list[str]]
    no_graph: NotRequired[bool]
    excess: NotRequired[Excess]


class ImportReply(TypedDict):
    """The definitions that were made, or the refusal."""

    made: NotRequired[ImportedDefinition]
    refused: NotRequired[Refusal]


def main() -> None:
    seconds, size_bytes = map(int, sys.argv[1:3])
    ignore_stops()
    line = sys.stdin.buffer.readline()
    end_with_stdin(lambda: os._exit(1))
    limit_process(seconds, size_bytes)
    sys.stdout.write(json.dumps(answer(line, size_bytes)))
    sys.stdout.flush()


def answer(line: bytes, size_bytes: int) -> ImportReply:
    """Do the job in the line; return the definitions, or the reasons for a refusal."""
    try:
        job: ImportJob = json.loads(line)
        path = job["path"]
        content = (job["graph"] or {}) if path is None else _read_graph(Path(path), job["filename"])
        folders = [Path(folder) for folder in job["folders"]]
        tables = {key: table for key, table in load_tables(folders).items() if key != job["name"]}
        live = None if job["live"] is None else NodeTable.from_json(job["live"])
        made = import_graph(content, name=job["name"], origin=job["origin"], folders=folders, tables=tables, live=live)
    except ImportRefused as e:
        return {"refused": _refusal(e)}
    except MemoryError:
        return {"refused": {"message": f"reading it takes more than {size_bytes >> 20} MiB of memory"}}
    except RecursionError:
        return {"refused": {"message": "it is nested too deeply"}}
    return {"made": made.describe()}


def _read_graph(path: Path, filename: str | None) -> JsonObject:
    try:
        return read_graph(path, filename)
    except ImportRefused as e:
        raise ImportRefused(e.message, e.problems, e.absent, e.limit, no_graph=True) from e
    except (MemoryError, RecursionError):
        raise
    except Exception as e:  # the libraries for media raise many things on damaged files
        message = f"{filename or path.name} cannot be read: {e or type(e).__name__}"
        raise ImportRefused(message, no_graph=True) from e


def _refusal(error: ImportRefused) -> Refusal:
    refusal: Refusal = {
        "message": error.message,
        "problems": [*error.problems],
        "absent": [*error.absent],
        "no_graph": error.no_graph,
    }
    if error.limit:
        limit, value = error.limit
        refusal["excess"] = {"unit": limit.unit, "most": limit.most, "value": value}
    return refusal


if __name__ == "__main__":
    main()
