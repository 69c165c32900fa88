"""Files as inputs: `{run, entity}` or an upload becomes a content hash, and a backend gets each content once."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from devserver.comfy.client import Client
from devserver.database import Database
from devserver.errors import InputError, StageError
from devserver.journal import Journal
from devserver.store import Exports

BLOCK: Final = 1 << 20
SUBFOLDER: Final = "tonewright"
UPLOAD_ID: Final = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]{1,5})?")


class InputFiles:
    """Finds what a `file` parameter names, keeps it by hash, and sends it to backends."""

    def __init__(self, exports: Exports, journal: Journal, database: Database) -> None:
        self._exports, self._journal, self._db = exports, journal, database

    def keep(self, path: Path) -> dict[str, str]:
        """Keep a local file for as long as runs may need it; returns its `{sha256, ext}`."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        value = {"sha256": digest.hexdigest(), "ext": path.suffix.lstrip(".").lower() or "bin"}
        kept = self._exports.uploads / value["sha256"]
        if not kept.exists():
            part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
            part.write_bytes(path.read_bytes())
            part.replace(kept)
        return value

    def resolve(self, field: str, value: Any) -> dict[str, str]:
        """The `{sha256, ext}` of what a request names.

        Raises:
            InputError: neither `{run, entity}` of a run here nor the id of an upload.
        """
        allowed = "{run, entity} of a run here, or the id of an upload"
        if isinstance(value, dict) and set(value) == {"run", "entity"}:
            events = self._journal.events(str(value["run"]), "entity")
            names = [str(event.data["filename"]) for event in events]
            if str(value["entity"]) in names:
                return self.keep(self._exports.folder(str(value["run"])) / str(value["entity"]))
            message = "There is no such file of a run."
            raise InputError(message, status=404, field=field, value=value, allowed=names or allowed)
        if isinstance(value, str) and UPLOAD_ID.fullmatch(value):
            sha256, _, ext = value.partition(".")
            if (self._exports.uploads / sha256).is_file():
                return {"sha256": sha256, "ext": ext or "bin"}
            raise InputError("There is no such upload.", status=404, field=field, value=value, allowed=allowed)
        raise InputError("This is no file.", field=field, value=value, allowed=allowed)

    async def send(self, client: Client, backend: str, names: Iterable[str]) -> dict[str, str]:
        """Put files (`<sha256>.<ext>`) where a backend's loaders find them, once; returns the backend's names."""
        sent = {}
        for name in names:
            known = self._known(backend, name)
            if known is None:
                path = self._exports.uploads / name.partition(".")[0]
                if not path.is_file():
                    message = f"The input file {name} is no longer kept here."
                    raise StageError(message, code="input_missing", status=500, hint="Send the file again.")
                known = await client.upload(path, name, SUBFOLDER)
                with self._db.transaction() as db:
                    db.execute("INSERT OR REPLACE INTO sent_files VALUES (?, ?, ?)", (backend, name, known))
            sent[name] = known
        return sent

    def _known(self, backend: str, name: str) -> str | None:
        rows = self._db.rows("SELECT name FROM sent_files WHERE backend = ? AND file = ?", backend, name)
        return str(rows[0]["name"]) if rows else None
