"""Help authors of definitions: import a graph, check a text, check which outputs a backend can run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from devserver.backends.pool import Pool
from devserver.definitions.current import Definitions
from devserver.definitions.definition_files import write_definitions
from devserver.definitions.process import ImportProcesses, Job
from devserver.errors import InputError
from devserver.files.uploads import Uploads
from devserver.model.server import DefinitionsState
from schemas.errors import nearest
from schemas.importing.admit import existing_files
from schemas.importing.check import problems_of
from schemas.importing.drafts import name_from
from schemas.importing.form import ImportRefused
from schemas.lint import lint_backend
from schemas.loader import load_tables
from schemas.model import NAME_PATTERN
from schemas.nodes import NodeTable
from schemas.wording import one_of

ANY_NAME = "draft"
Kind = Literal["chunk", "pipeline", "interception", "output", "graph"]


class ImportRequest(BaseModel):
    """A graph to make definitions of. Exactly one of `graph` and `upload` is given."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=one_of("graph", "upload"))

    graph: dict[str, Any] | None = Field(None, description="As ComfyUI exports or saves it.")
    upload: str | None = Field(None, description="The id of an uploaded file that holds a graph.")
    name: str | None = Field(None, pattern=NAME_PATTERN, max_length=100, description="Of the new definitions.")
    backend: str | None = Field(None, description="Whose nodes are looked at; all backends that answer if left out.")
    write: bool = Field(False, description="Write the files into the definitions folder.")
    replace: bool = Field(False, description="Write over definitions of that name in the same folder.")


class ValidateRequest(BaseModel):
    """The text of a definition, from an editor."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"kind": "output", "name": "mine", "text": "label: {en: Mine, de: Meins}\n"}]},
    )

    kind: Kind
    text: str = Field(description="YAML, or JSON for a graph.")
    name: str = Field(ANY_NAME, pattern=NAME_PATTERN, max_length=100, description="The file's name, without ending.")


class Authoring:
    """Every method but `import_graph` may be called from any thread; each raises InputError for an invalid request.

    Args:
        on_change: called with the status of the definitions when an import has changed them.
    """

    def __init__(
        self, definitions: Definitions, pool: Pool, uploads: Uploads, on_change: Callable[[DefinitionsState], None]
    ) -> None:
        self._definitions, self._pool, self._uploads, self._on_change = definitions, pool, uploads, on_change
        self._processes = ImportProcesses()

    async def import_graph(self, request: ImportRequest, viewer: str | None = None) -> dict[str, Any]:
        """Make definition files from a graph, and write them on request. On the loop; a process does the work.

        A `viewer` can only use their own uploads, and may not write: definitions belong to everybody.
        """
        job, old = await asyncio.to_thread(self._job, request, viewer)
        try:
            made = await self._processes.make(job)
        except ImportRefused as e:
            raise _import_refused(e, request) from e
        written = await asyncio.to_thread(self._write, made["files"], old) if request.write else []
        return {**made, "written": written}

    def _job(self, request: ImportRequest, viewer: str | None) -> tuple[Job, list[Path]]:
        """Return the job for the process, and the files that its definitions would replace."""
        if request.write and viewer is not None:
            raise InputError("write_for_admins", status=403, field="write", value=True, allowed=[False])
        path, filename, origin = self._origin(request, viewer)
        name = request.name or name_from(origin)
        folder = self._definitions.own_folder
        if request.write and folder is None:
            raise InputError("no_own_definitions", status=409, field="write", value=True)
        folders = self._definitions.folders
        others, old = existing_files(name, folders), list[Path]()
        if request.replace and folder is not None:
            old = [path for path in others if path.is_relative_to(folder)]
            others = [path for path in others if path not in old]
        if request.write and others:
            files = ", ".join(path.name for path in others)
            raise InputError("definition_name_taken", status=409, field="name", value=name, files=files)
        live = self._live(request.backend)
        graph = request.graph if path is None else None
        return Job(name, origin, folders, graph=graph, path=path, filename=filename, live=live), old

    def _write(self, files: Mapping[str, str], old: list[Path]) -> list[str]:
        folder = self._definitions.own_folder
        if folder is None:
            raise TypeError("a server without a folder of its own definitions writes none")
        written = [str(path) for path in write_definitions(folder, files, old)]
        if self._definitions.reload():
            self._on_change(self._definitions.status())
        return written

    def validate(self, request: ValidateRequest) -> dict[str, Any]:
        """Return every problem of a text, with line and field, as if it lay in the folder under its name."""
        folders = self._definitions.folders
        faults = problems_of(
            {(request.kind, request.name): request.text}, folders, load_tables(folders), self._definitions.kinds
        )
        problems = [{"line": fault.line, "field": fault.field, "message": fault.message} for fault in faults]
        return {"valid": not problems, "problems": problems}

    def check_backend(self, name: str) -> dict[str, dict[str, Any]]:
        """Tell for each output config whether a backend can run it, and what is missing if not."""
        table = self._table(name)
        return {
            output: {
                "name": name,
                "can_run": not problems,
                "problems": [
                    {
                        "kind": problem.kind,
                        "node": problem.node_id,
                        "class_type": problem.class_type,
                        "input": problem.input,
                        "value": problem.value,
                        "available": list(problem.available),
                        "message": problem.message,
                    }
                    for problem in problems
                ],
            }
            for output, problems in lint_backend(self._definitions.catalog, table).items()
        }

    def _origin(self, request: ImportRequest, viewer: str | None) -> tuple[Path | None, str | None, str]:
        """Return the file that holds the graph and its own name, or None twice; and the graph's origin in words."""
        if (request.graph is None) == (request.upload is None):
            raise InputError("graph_or_upload", field="graph")
        if request.graph is not None:
            return None, None, request.name or "imported"
        upload = self._uploads.find(request.upload or "", viewer)
        if upload is None:
            raise InputError("unknown_upload", status=404, field="upload", value=request.upload)
        origin = request.name or f"upload {upload['sha256'][:8]}"
        return self._uploads.folder / upload["sha256"], f"upload.{upload['ext']}", origin

    def _live(self, name: str | None) -> NodeTable | None:
        if name is not None:
            return self._table(name)
        tables = [backend.table for backend in self._pool.backends if backend.up and backend.table]
        return NodeTable.merge(tables) if tables else None

    def _table(self, name: str) -> NodeTable:
        backend = next(
            (backend for backend in self._pool.backends if name in (backend.name, backend.address.base_url)), None
        )
        if backend is None:
            known = nearest(name, [backend.name for backend in self._pool.backends])
            raise InputError("unknown_backend", status=404, field="backend", value=name, allowed=known)
        if not backend.up or backend.table is None:
            raise InputError("backend_silent", status=409, field="backend", value=name, problem=backend.problem)
        return backend.table


def _import_refused(error: ImportRefused, request: ImportRequest) -> InputError:
    hint = "Install the node packs that provide them, and name that backend." if error.absent else ""
    problem = "; ".join([error.message, *error.problems])
    field, allowed = "graph", "a graph of known nodes"
    value: Any = list(error.absent) or None
    limits: dict[str, object] | None = None
    if error.limit:
        limit, value = error.limit
        allowed = f"at most {limit.most} {limit.unit}"
        limits = {"at_most": limit.most, "unit": limit.unit}
    elif error.no_graph and request.upload:
        field, value, allowed = "upload", request.upload, "a file with a graph"
    return InputError(
        "graph_refused", field=field, value=value, allowed=allowed, limits=limits, hint=hint, problem=problem
    )
